{{ config(materialized='incremental') }}

with uses as (

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        left(command, {{ var('command_characters') }}) as script,
        length(command) > {{ var('command_characters') }} as is_cut

    from {{ ref('stg_claude_code__tool_uses') }}
    where
        tool_name in ({{ word_literals('shell_tools') }})
        and command is not null
        and {{ in_changed_sessions() }}

),

-- the same command is parsed once, however often it was run
scripts as (

    select
        script,
        is_cut,
        md5(script || is_cut) as script_key

    from uses
    group by script, is_cut

),

heredoc_scripts as (

    select * from scripts
    where contains(script, '<<')

),

script_lines as (

    select * from {{ heredoc_lines('heredoc_scripts') }}

),

-- what a command reads from a heredoc: the n-th heredoc belongs to the n-th command that asks for one
heredocs as (

    select
        script_key,
        heredoc_index,
        count(*) over (partition by script_key) as heredocs,
        {{ ordered_text('line', 'chr(10)', 'line_index') }} as heredoc

    from script_lines
    where is_body and not is_delimiter
    group by script_key, heredoc_index

),

without_heredocs as (

    select
        script_key,
        {{ ordered_text('line', 'chr(10)', 'line_index') }} as script

    from script_lines
    where not is_body
    group by script_key

),

joined_lines as (

    select
        scripts.script_key,
        replace(replace(coalesce(without_heredocs.script, scripts.script), chr(13), ''), chr(92) || chr(10), ' ')
            as script

    from scripts
    left join without_heredocs
        on scripts.script_key = without_heredocs.script_key

),

-- a script that a shell is handed is more commands; `Rscript -e 'devtools::test()'` does what it calls
unwrapped as (

    select
        script_key,
        {{ replaced(
            replaced('script', pattern_literal('shell_inline_script'), "' ; \\1\\2 ; '"),
            pattern_literal('shell_inline_call'),
            "'\\1 \\2\\3'"
        ) }} as script

    from joined_lines

),

-- a placeholder follows each quoted text and is dropped where it touches a word
masked as (

    select
        script_key,
        replace({{ replaced(
            replaced('script', pattern_literal('shell_quotes'), "'\\1\\2\\3\\4' || chr(1)"),
            "'(^|[\\s=(])' || chr(1) || '+'",
            "'\\1_'"
        ) }}, chr(1), '') as script

    from unwrapped

),

redirected as (

    select
        script_key,
        {{ replaced(
            "replace(replace(script, '&>', '>'), '|&', '|')",
            pattern_literal('shell_silent_redirections'),
            "' \\1 '"
        ) }} as script

    from masked

),

-- each simple command on a line of its own, behind the sign that joins it to what is before
split as (

    select
        script_key,
        {{ split_lines(
            "replace(replace(replace(replace("
            ~ replaced(
                "replace(replace(replace(script, '>|', '>'), '&&', chr(2)), '||', chr(3))",
                "'(?:(?:\\$\\(|[;&(`\\n])\\s*)+'",
                "chr(10) || ';'"
            )
            ~ ", ')', chr(10) || ')'), '|', chr(10) || '|'), chr(2), chr(10) || '&'), chr(3), chr(10) || '!')"
        ) }} as segments

    from redirected

),

pieces as (

    select
        script_key,
        element_index as piece_index,
        case when element_index = 1 then ';' else left(element, 1) end as joined_by,
        trim({{ replaced(
            "case when element_index = 1 then element else substr(element, 2) end", "'\\s+'", "' '"
        ) }}) as piece

    from {{ explode('split', 'segments') }}
    where element_index <= {{ var('commands_per_call') }}

),

stripped as (

    select
        script_key,
        piece_index,
        joined_by,
        piece,
        contains(piece, 'xargs') as has_xargs,
        nullif(regexp_extract(piece, '(?:^|[^<>-])(>>?) ?([^ <>]+)', 1), '') as write_mode,
        nullif(regexp_extract(piece, '(?:^|[^<>-])(>>?) ?([^ <>]+)', 2), '') as write_target,
        {{ with_subcommand_first(without_prefixes(replaced('piece', "' ?>>? ?[^ <>]*'", "''"))) }} as segment

    from pieces

),

named as (

    select
        *,
        case
            when {{ matches('segment', "'^[A-Za-z_][A-Za-z0-9_]*\\+?=\\S'") }} then '='
            else regexp_extract(lower(segment), '^(?:[^ ]*[/\\])?([^ /\\@]+)(?:@[^ /\\]*)?(?: |$)', 1)
        end as first_word

    from stripped

),

judged as (

    select
        *,
        first_word not in ({{ word_literals('shell_keywords') }})
        and {{ matches('first_word', "'^(?:=|[^-=]*[a-z][^=]*)$'") }} as is_program,
        case
            when contains(piece, '<<')
                then row_number() over (partition by script_key, contains(piece, '<<') order by piece_index)
        end as heredoc_index,
        count(*) over (partition by script_key, contains(piece, '<<')) as heredocs

    from named

),

commands as (

    select
        script_key,
        row_number() over (partition by script_key order by piece_index) as command_index,
        joined_by,
        joined_by = '|' and not has_xargs as is_filter,
        case
            when is_program then {{ replaced('first_word', "'\\.(exe|cmd|bat)$'", "''") }}
            else ''
        end as program,
        case when is_program then {{ subcommand_of('segment') }} end as subcommand,
        case when is_program then segment else '' end as segment,
        write_mode,
        write_target,
        heredoc_index,
        heredocs

    from judged
    where
        -- what follows a closing parenthesis are more arguments of the outer command
        (joined_by != ')' or {{ begins_with('piece', "'{'") }})
        and (is_program or write_target is not null)

),

final as (

    select
        -- ids
        uses.root_session_id,
        uses.file_id,
        uses.line_number,
        uses.block_index,
        commands.command_index,

        -- text
        commands.program,
        commands.subcommand,
        commands.segment,
        commands.joined_by,
        commands.write_mode,
        commands.write_target,
        heredocs.heredoc,

        -- booleans
        commands.is_filter

    from uses
    inner join commands
        on md5(uses.script || uses.is_cut) = commands.script_key
    left join heredocs
        on commands.script_key = heredocs.script_key
        and commands.heredoc_index = heredocs.heredoc_index
        and commands.heredocs = heredocs.heredocs

)

select * from final
