#!/bin/sh
# ope-prepare-commit-msg: adds `Claude-Session-Id: <id>` to the message of a commit made while a session runs.
# ope-hook-version: 2
#
# git calls it as: prepare-commit-msg FILE [SOURCE [COMMIT]], at the top of the worktree.
# A hook that was here before runs first, and its failure is passed on. Everything of our own that fails leaves the
# message as it was and the exit code 0. Where it is not certain which session runs, the message gets no trailer.
# `python -m ingest hooks uninstall` takes this file away; docs/instrumentation.md explains it.

# A log that was written within this many minutes belongs to a running session. A session writes its log when it starts
# a command, so this is how long a command may run before it comes to its `git commit`.
window_minutes=5
trailer_key='Claude-Session-Id'
# What other agents set for the commands that they run. Such a commit is not by the session that happens to be open.
other_agents='AIDER_MODEL CODEX_SANDBOX CODEX_THREAD_ID COPILOT_CLI CURSOR_AGENT GEMINI_CLI OPENCODE'
# How much of the end of a log is read to learn in which directory its session works, in bytes.
tail_bytes=262144

newline='
'
hex='[0-9a-fA-F]'
hex4=$hex$hex$hex$hex

is_session_id() {
    # shellcheck disable=SC2254 # a pattern is meant
    case $1 in
        $hex4$hex4-$hex4-$hex4-$hex4-$hex4$hex4$hex4) return 0 ;;
    esac
    return 1
}

# `--amend -m` looks like any other commit in our arguments: only the command line of git tells.
is_amend() {
    if [ -r "/proc/$PPID/cmdline" ]; then
        words=$(tr '\000' '\n' <"/proc/$PPID/cmdline")
    else
        words=$(ps -o args= -p "$PPID" | tr ' ' '\n')
    fi
    case "$words$newline" in
        *"$newline--am$newline"* | *"$newline--ame$newline"*) return 0 ;;
        *"$newline--amen$newline"* | *"$newline--amend$newline"*) return 0 ;;
    esac
    return 1
}

# Sets `name` to what Claude Code calls the logs of the directory $1: one hyphen for every UTF-16 unit that is no letter
# or digit. Byte by byte, as LC_ALL is C.
encode() {
    rest=$1
    case $rest in
        *[!\ -~]*)
            rest=$(printf '%s' "$rest" | tr -d '\200-\277')
            rest=$(printf '%s' "$rest" | sed "s/[$(printf '\360')-$(printf '\367')]/--/g")
            ;;
    esac
    name=
    while :; do
        word=${rest%%[!a-zA-Z0-9]*}
        name=$name$word
        [ "$word" != "$rest" ] || break
        name=$name-
        rest=${rest#"$word"?}
    done
}

# Several directories have the same encoded name. The last directory that a log ($1) names must be this worktree: it is
# compared with ours and never used as a path. Worktrees inside of this one have sessions of their own.
works_here() {
    for part in end beginning; do
        if [ "$part" = end ]; then
            tail -c "$tail_bytes" "$1"
        else
            dd if="$1" bs="$tail_bytes" count=1
        fi | OPE_HERE=$in_json awk '
            index($0, "\"cwd\":\"") { last = $0 }
            END {
                if (last == "") exit 2
                cwd = "\"cwd\":\"" ENVIRON["OPE_HERE"]
                inside = index(last, cwd "/") && !index(last, cwd "/.claude/worktrees/")
                exit !(inside || index(last, cwd "\""))
            }'
        answer=$?
        # A record that is longer than what was read names none.
        [ "$answer" -eq 2 ] || return "$answer"
    done
    return 1
}

# Adds to `found` the sessions that are writing their log, or that of a subagent, below the directory $1. Subagents are
# looked for only where the session's own log is of the last day: a directory holds many sessions that have ended.
look_in() {
    [ -d "$1" ] || return 0
    place=$1
    # A log that is being written is named twice.
    recent=$(cd "$place" &&
        find [0-9a-fA-F]*.jsonl -prune -type f -mtime -1 -print -mmin "-$window_minutes" -print)
    set --
    before_it=
    while IFS= read -r log; do
        id=${log%.jsonl}
        is_session_id "$id" || continue
        if [ "$log" = "$before_it" ]; then
            add_if_here "$place/$log"
        elif [ -d "$place/$id/subagents" ]; then
            set -- "$@" "$place/$id/subagents"
        fi
        before_it=$log
    done <<EOF
$recent
EOF
    [ "$#" -gt 0 ] || return 0
    fresh=$(find "$@" -type f -name '*.jsonl' -mmin "-$window_minutes" -print)
    while IFS= read -r log; do
        id=${log#"$place/"}
        id=${id%%/*}
        ! is_session_id "$id" || add_if_here "$log"
    done <<EOF
$fresh
EOF
}

# Adds `id` to `found` if its log $1 is of this worktree.
add_if_here() {
    case "$found " in
        *" $id "*) ;;
        *) ! works_here "$1" || found="$found $id" ;;
    esac
}

session_by_environment() {
    for id in "${CLAUDE_CODE_SESSION_ID-}" "${CLAUDE_SESSION_ID-}"; do
        if is_session_id "$id"; then
            session=$id
            return 0
        fi
    done
    return 1
}

# One session of this worktree that writes now; two are one too many.
session_by_log() {
    if [ -z "${CLAUDECODE-}" ]; then
        for name in $other_agents; do
            eval "[ -z \"\${$name-}\" ]" || return 1
        done
    fi
    logs=${CLAUDE_CONFIG_DIR:-${HOME:+$HOME/.claude}}
    case $logs in
        /*) logs=$logs/projects ;;
        *) return 1 ;;
    esac
    [ -d "$logs" ] || return 1
    found=
    physical=$(pwd -P && printf x)
    physical=${physical%??}
    [ -n "$physical" ] || return 1
    for top in "$physical" "$PWD"; do
        case $top in
            *[[:cntrl:]]*) return 1 ;;
            *[\\\"]*) in_json=$(printf '%s\n' "$top" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g') ;;
            *) in_json=$top ;;
        esac
        # A session may have been started in the directory where git was called, or between there and the top.
        directory=$top/${GIT_PREFIX-}
        directory=${directory%/}
        while :; do
            encode "$directory"
            if [ "${#name}" -le 200 ]; then
                look_in "$logs/$name"
            else
                # Long names are cut and end with a hash; the directory in the log tells them apart.
                for candidate in "$logs/$(printf '%.200s' "$name")"-*; do
                    look_in "$candidate"
                done
            fi
            [ "$directory" != "$top" ] || break
            directory=${directory%/*}
        done
        [ "$PWD" != "$physical" ] || break
    done
    session=${found# }
    is_session_id "$session"
}

# Sets `comment` to what begins a comment in the message file $1, and `is_data` where `init-data` marked the repository.
read_settings() {
    comment='#'
    is_data=
    configured=$(git config --get-regexp '^(core\.comment(char|string)|ope\.isdata)$')
    while IFS= read -r line; do
        case $line in
            'ope.isdata true') is_data=yes ;;
            'core.comment'*' '?*) comment=${line#* } ;;
        esac
    done <<EOF
$configured
EOF
    [ "$comment" = auto ] || return 0
    # git chose one that begins no line of the message; in an editor the file ends with such lines.
    comment='#'
    [ "${GIT_EDITOR-}" != ':' ] || return 0
    last=$(awk '/^. -+ >8 -+\r?$/ { exit } NF { first = substr($0, 1, 1) } END { print first }' "$1")
    case $last in
        ['#;@!$%^&|:']) comment=$last ;;
    esac
}

# Whether the message $1 says something (git aborts an empty one, and must go on doing so) and names no session yet.
wants_trailer() {
    OPE_COMMENT=$comment awk '
        BEGIN { comment = ENVIRON["OPE_COMMENT"]; key = tolower(ARGV[2]); ARGC = 2 }
        { sub(/\r$/, "") }
        index($0, comment " ------------------------ >8 ------------------------") == 1 { exit }
        index($0, comment) == 1 || /^[ \t]*$/ { next }
        index(tolower($0), key) == 1 && substr($0, length(key) + 1) ~ /^[ \t]*:/ { named = 1; exit }
        /^Signed-off-by: / { next }
        { text = 1 }
        END { exit !(text && !named) }
    ' "$1" "$trailer_key"
}

add_trailer() {
    # A merge, a squash, an amended or reused message (`commit`) is not written anew, and a template must stay untouched.
    case ${2-} in
        '' | message) ;;
        *) return ;;
    esac
    if [ ! -f "$1" ] || [ ! -s "$1" ]; then
        return
    fi
    # A commit that is picked or rebased keeps what its message says; so do those that a rebase melts into one.
    for sign in CHERRY_PICK_HEAD rebase-merge/message-fixup rebase-merge/message-squash; do
        [ ! -e "${1%/*}/$sign" ] || return
    done
    LC_ALL=C
    export LC_ALL
    session_by_environment || session_by_log || return
    read_settings "$1"
    # Commits of the archive are no work of a session.
    [ -z "$is_data" ] || return
    wants_trailer "$1" || return
    ! is_amend || return
    # Without any configuration: trailers that the user has set up to be added by command are not ours to run.
    unset GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT
    GIT_DIR=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent \
        git -c "core.commentChar=$comment" -c "core.commentString=$comment" \
        interpret-trailers --in-place --no-divider --trailer "$trailer_key: $session" "$1"
}

before=${0%/*}/prepare-commit-msg.before-ope
if [ -f "$before" ] && [ -x "$before" ]; then
    "$before" "$@" || exit
fi
(add_trailer "$@") >/dev/null 2>&1
exit 0
