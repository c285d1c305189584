with states as (

    select * from {{ ref('int_sessions__states') }}

),

accepted as (

    select * from {{ ref('int_correlations__accepted') }}

),

families as (

    select * from {{ ref('int_commits__families') }}

),

turn_commits as (

    select * from {{ ref('int_turns__commits') }}

),

linked as (

    select
        accepted.root_session_id,
        count(distinct families.family_id) as linked_commits

    from accepted
    inner join families
        on accepted.project_id = families.project_id
        and accepted.commit_sha = families.commit_sha
    group by accepted.root_session_id

),

turns as (

    select
        root_session_id,
        {{ set_fingerprint("concat_ws(':', turn_index, commit_sha)") }} as turns_hash

    from turn_commits
    group by root_session_id

),

final as (

    select
        states.root_session_id,
        states.project_id,
        coalesce(linked.linked_commits, 0) as linked_commits,
        md5(concat_ws('|', states.state_hash, coalesce(linked.linked_commits, 0), coalesce(turns.turns_hash, '')))
            as state_hash

    from states
    left join linked
        on states.root_session_id = linked.root_session_id
    left join turns
        on states.root_session_id = turns.root_session_id

)

select * from final
