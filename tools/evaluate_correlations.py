"""Prints how well commits are linked to sessions, against labels.

    .venv-lab/bin/python -m tools.evaluate_correlations [--figures]

`make evaluate` builds the corpus with all labels (`tools.corpus_build`) and calls this. Figures of the marts come from
the marts. With `--figures` the curve and the calibration of docs/correlation.md are written to docs/figures.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tools import correlation_checks
from tools.corpus_build import DATABASE, PROJECT, ROOT

LABEL_SET = "checkpoints"
FIGURES = ROOT / "docs" / "figures"
IDENTITY = frozenset({"session_id", "announced_commit", "announced_subject"})

QUALITY = f"""
    select cut_kind, cut, best_links, right_best_links, pairs, right_pairs, named_commits, from_confidence,
        candidate_pairs, calibration_error
    from main.correlation_quality
    where project_id = '{PROJECT}' and label_set = '{LABEL_SET}' and is_in_sample = ?
    order by cut_kind, from_confidence
"""
# Links of labelled commits by weights that never saw their session.
UNSEEN = f"""
    create temporary view unseen as
    select truths.*, links.tier, coalesce(truths.rejection_reason, 'low_confidence') = 'low_confidence' as can_link,
        truths.rejection_reason is null as is_accepted
    from intermediate.int_correlations__truths as truths
    inner join intermediate.int_correlations__links as links using (project_id, commit_sha, root_session_id)
    inner join intermediate.int_correlations__folds as folds using (project_id, commit_sha)
    where links.fold = folds.fold and not truths.is_in_sample
        and truths.project_id = '{PROJECT}' and truths.label_set = '{LABEL_SET}'
        and coalesce(truths.rejection_reason, '') not in ('merge', 'bot')
"""
BINS = """
    select bin, count(*), min(confidence), max(confidence), avg(confidence), avg(is_right::int)
    from (
        select *, ntile(10) over (order by confidence, commit_sha, root_session_id) as bin from unseen where {rows}
    )
    group by bin order by bin
"""
# Bins of equal mass are nine tenths certain refusals: these show what lies between.
EDGES = (0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 2)
RANGES = f"""
    select edge, count(*), min(confidence), max(confidence), avg(confidence), avg(is_right::int)
    from unseen
    inner join (
        select edge, lead(edge) over (order by edge) as next_edge from (select unnest({list(EDGES)}) as edge)
    ) on confidence >= edge and confidence < next_edge
    group by edge order by edge
"""
CURVE = """
    select threshold, count(*) filter (where link_rank = 1) as best,
        count(*) filter (where link_rank = 1 and is_right) as right_best,
        count(*) as pairs, count(*) filter (where is_right) as right_pairs
    from unseen
    inner join (select step / 50.0 as threshold from range(1, 50) as steps (step)) on confidence >= threshold
    where can_link
    group by threshold order by threshold
"""
TIERS = """
    select tier, count(*) filter (where link_rank = 1), count(*) filter (where link_rank = 1 and is_right),
        count(*), count(*) filter (where is_right)
    from unseen where is_accepted group by tier order by tier
"""
SIGNALS = f"""
    select evidence_kind, evidence_class, pairs, right_pairs, strongest_pairs, right_strongest_pairs, named_commits
    from main.correlation_signal_quality
    where project_id = '{PROJECT}' and label_set = '{LABEL_SET}'
    order by evidence_class = 'context', evidence_class = 'content', right_strongest_pairs desc, evidence_kind
"""
# Labelled commits that no weights were fitted to are judged by the weights of all labels.
KINDS = f"""
    select
        coalesce(nullif(regexp_extract(labels.note, 'kind=(\\w+)', 1), ''), 'none') as kind, labels.is_sure,
        count(*), count(*) filter (where links.rejection_reason is null and links.commit_sha is not null),
        count(distinct labels.commit_sha),
        count(distinct links.commit_sha) filter (where links.rejection_reason is null)
    from staging.stg_validation__labels as labels
    inner join main.sessions as sessions on labels.session_id = sessions.session_id
    left join intermediate.int_correlations__folds as folds
        on labels.project_id = folds.project_id and labels.commit_sha = folds.commit_sha
    left join intermediate.int_correlations__links as links
        on labels.project_id = links.project_id and labels.commit_sha = links.commit_sha
        and labels.session_id = links.root_session_id and coalesce(folds.fold, 0) = links.fold
    where labels.label_kind = 'session_commit' and labels.label_set = '{LABEL_SET}' and labels.label = 'linked'
    group by 1, 2 order by 2 desc, 1
"""
# Where every session that ran is named, a link to another one is most likely wrong.
ELSEWHERE = f"""
    with labels as (
        select commit_sha, session_id from staging.stg_validation__labels
        where label_kind = 'session_commit' and label_set = '{LABEL_SET}'
        qualify not bool_or(is_sure) over (partition by commit_sha)
    ),
    linked as (
        select commit_sha, bool_or(session_id in (
            select session_id from labels where labels.commit_sha = correlations.commit_sha
        )) as is_named
        from main.correlations
        where project_id = '{PROJECT}' and is_accepted and commit_sha in (select commit_sha from labels)
        group by commit_sha
    )
    select count(*), count(*) filter (where is_named) from linked
"""
CONTROLS = f"""
    with accepted as (
        select distinct project_id, commit_sha from main.correlations where is_accepted
    ),
    commits as (
        select
            policies.policy_reason, accepted.commit_sha is not null as is_linked,
            commits.authored_at < (select min(started_at) from main.sessions) as is_before_all_sessions,
            commit_sha in (
                select commit_sha from staging.stg_validation__labels where label_kind = 'session_commit'
            ) as is_labelled
        from main.commits as commits
        inner join intermediate.int_commits__link_policies as policies using (project_id, commit_sha)
        left join accepted using (project_id, commit_sha)
        where project_id = '{PROJECT}'
    )
    select 'by bots', count(*), count(*) filter (where is_linked) from commits where policy_reason = 'bot'
    union all
    select 'merges', count(*), count(*) filter (where is_linked) from commits where policy_reason = 'merge'
    union all
    select 'older than every session', count(*), count(*) filter (where is_linked)
    from commits where is_before_all_sessions
    union all
    select 'others without a label', count(*), count(*) filter (where is_linked)
    from commits
    where not is_labelled and not is_before_all_sessions and coalesce(policy_reason, '') not in ('bot', 'merge')
"""


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Bounds of a share, 95 % by Wilson."""
    z = 1.96
    share, spread = part / whole, z * z / whole
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / whole + spread / whole / 4) / (1 + spread)
    return middle - half, middle + half


def share(part: int, whole: int) -> str:
    """A share with its bounds as text."""
    if not whole:
        return "–"
    low, high = wilson(part, whole)
    return f"{part / whole:.3f} [{low:.3f}, {high:.3f}] ({part} of {whole})"


def of_links(best: int, right_best: int, pairs: int, right_pairs: int, labelled: int) -> str:
    """Precision and recall of best links and the precision of all pairs as text."""
    text = f"precision {share(right_best, best)}   recall {share(right_best, labelled)}"
    return f"{text}   all pairs {share(right_pairs, pairs)}"


def of_counts(counts: correlation_checks.Counts) -> str:
    return of_links(counts.best, counts.right_best, counts.pairs, counts.right_pairs, counts.labelled)


def print_quality(connection: duckdb.DuckDBPyConnection) -> tuple[float, int]:
    """Print the mart's figures; returns the accepted confidence and the number of labelled commits."""
    threshold, labelled = 0.0, 0
    for is_in_sample in (False, True):
        rows = connection.execute(QUALITY, [is_in_sample]).fetchall()
        if not rows:
            sys.exit("evaluate: the warehouse has no quality of these labels: build it with them (make evaluate does).")
        if is_in_sample:
            print("\nIn sample, for scale: the same commits by weights and calibration that were fitted to them")
            rows = [row for row in rows if row[0] == "accepted"]
        else:
            print("Best link per commit, and all pairs, by weights and calibration that never saw the labelled session")
        for cut_kind, cut, *numbers in rows:
            name = f"{cut_kind} {cut}" if cut_kind != "accepted" else f"accepted (confidence from {numbers[5]})"
            print(f"  {name:31}{of_links(*numbers[:5])}")
        *_, labelled, threshold, pairs, error = next(row for row in rows if row[0] == "accepted")
        print(f"  expected calibration error {error:.4f}, over {pairs} candidate pairs in 10 bins of equal mass")
    return float(threshold), labelled


def bins_of(connection: duckdb.DuckDBPyConnection, rows: str) -> list[tuple[Any, ...]]:
    return connection.execute(BINS.format(rows=rows)).fetchall()


def print_bins(title: str, bins: list[tuple[Any, ...]]) -> None:
    error = sum(row[1] * abs(row[4] - row[5]) for row in bins) / sum(row[1] for row in bins)
    print(f"\nCalibration of {title}: error {error:.4f}")
    for name, pairs, low, high, promised, right in bins:
        print(
            f"  {name!s:>4} {pairs:5} pairs   confidence {low:.4f}–{high:.4f}   mean {promised:.4f}   right {right:.4f}"
        )


def print_checks(database: Path, threshold: float, labelled: int) -> None:
    """Print what is refitted here, and the first specification's rule."""
    check = correlation_checks.load(database, threshold)
    shown, hidden = ~check.commits.is_hidden, check.commits.is_hidden
    found = correlation_checks.left_out(check, check.commits.fold)
    print("\nWith the true session not in the logs, and the evidence found anew without it: nobody is right")
    wrong = correlation_checks.count(check, *found, hidden, labelled)
    print(f"  linked all the same                {share(wrong.best, int(hidden.sum()))}")

    print("\nOther ways to fit or to decide, all refitted here with the accepted confidence as it is")
    same = correlation_checks.count(check, *found, shown, labelled)
    print(f"  by session, as above               {of_counts(same)}")
    content = correlation_checks.left_out(check, check.commits.fold, IDENTITY)
    print(
        f"  by session, without names          {of_counts(correlation_checks.count(check, *content, shown, labelled))}"
    )
    people = correlation_checks.left_out(check, check.people)
    print(
        f"  by person (home directory)         {of_counts(correlation_checks.count(check, *people, shown, labelled))}"
    )
    for person in np.unique(check.people):
        chosen = shown & (check.people == person)
        counts = correlation_checks.count(check, *people, chosen, int(chosen.sum()))
        print(f"    person {person:<2}                        {of_counts(counts)}")
    first = correlation_checks.first_rule(database, labelled)
    print(f"  the first specification's rule     {of_counts(first)}")
    print("    0.7 x share of files + 0.3 x what is left of four hours since their last edit, above 0.6")


def write_figures(name: str, header: str, rows: Iterable[Iterable[object]]) -> None:
    """Write a file of figures for docs/correlation.md."""
    FIGURES.mkdir(exist_ok=True)
    with (FIGURES / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows([round(cell, 4) if isinstance(cell, float) else cell for cell in row] for row in rows)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="evaluate_correlations", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("database", type=Path, nargs="?", default=DATABASE)
    parser.add_argument("--figures", action="store_true", help="write docs/figures, which the pictures are drawn from")
    options = parser.parse_args(arguments)
    with duckdb.connect(str(options.database), read_only=True) as connection:
        connection.execute(UNSEEN)
        threshold, labelled = print_quality(connection)
        every, best = bins_of(connection, "true"), bins_of(connection, "link_rank = 1")
        print_bins("all candidate pairs", every)
        print_bins("the best link of each commit", best)
        ranges = connection.execute(RANGES).fetchall()
        print_bins("all candidate pairs, by confidence from", ranges)
        print("\nAccepted links by tier: 1 the message names the session, 2 announced by the session, 3 content")
        for tier, *numbers in connection.execute(TIERS).fetchall():
            print(f"  tier {tier}   {of_links(*numbers, labelled)}")
        print("\nKinds of evidence alone: precision and recall where it is found, and where it is the strongest")
        for kind, evidence_class, *counts in connection.execute(SIGNALS).fetchall():
            found, right, strongest, right_strongest, commits = counts
            shares = (right / found, right / commits, right_strongest / strongest, right_strongest / commits)
            print(f"  {kind:18}{evidence_class:9}" + "   ".join(f"{value:.3f}" for value in shares))
        print("\nRecall by kind of label: labelled pairs whose session is linked (merges are left out)")
        for kind, is_sure, pairs, linked, commits, linked_commits in connection.execute(KINDS).fetchall():
            if kind != "merge":
                name = f"{kind}, {'one session named' if is_sure else 'every session that ran'}"
                print(f"  {name:34}{share(linked, pairs)}   commits {share(linked_commits, commits)}")
        linked, named = connection.execute(ELSEWHERE).fetchone() or (0, 0)
        print(f"  commits of the last kinds that are linked: to a session that is named {share(named, linked)}")
        print("\nCommits that must get no link, and those that nobody labelled: accepted links")
        for name, commits, linked in connection.execute(CONTROLS).fetchall():
            print(f"  {name:34}{linked} of {commits}")
        if options.figures:
            curve = connection.execute(CURVE).fetchall()
            rows = [[*row[:3], row[2] / row[1], row[2] / labelled, *row[3:], row[4] / row[3]] for row in curve]
            header = "confidence best_links right_best_links precision recall pairs right_pairs pair_precision"
            write_figures("link-precision-and-recall", header, rows)
            bounds = [[*row[:2], *row[4:], *wilson(round(row[1] * row[5]), row[1])] for row in ranges]
            write_figures("link-calibration", "from_confidence pairs confidence right right_low right_high", bounds)
    print_checks(options.database, threshold, labelled)
    print(
        "\nChosen in sample: kinds of evidence, their constants and the accepted confidence were chosen while looking"
        "\nat these labels. Not in sample: weights and calibration. Commits without a label are outside of all shares."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
