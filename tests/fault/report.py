"""The end of a run in words."""
import collections

from accounting import COLUMNS

SHOWN = 8        # tokens whose story is told
LISTED = 10      # offenders named for each kind of violation
ROWS = ("sent", "maybe", "ended", *COLUMNS, "LOST", "several", "repeated", "late", "doubted", "reply died with the broker",
        "executed 0", "executed 1", "executed >1")


def table_text(account):
    kinds = list(account.table)
    lines = ["".join([f"{'':28}", *(f"{kind:>10}" for kind in kinds)])]
    for row in ROWS:
        lines.append("".join([f"{row:28}", *(f"{account.table[kind][row]:10}" for kind in kinds)]))
    lines.append("dead letters: " + ("; ".join(
        f"{count} x {error} [{key}]" for (error, key), count in account.dead.most_common(20)) or "none"))
    return "\n".join(lines)


def faults_text(faults):
    done = collections.Counter(fault.kind for fault in faults.done)
    unavailable = collections.Counter(fault.kind for fault in faults.unavailable)
    lines = [f"{kind:28}{count - unavailable[kind]:10}" for kind, count in sorted(done.items())]
    lines += [f"!!! NOT AVAILABLE HERE (mount was refused): {kind}, {count} times" for kind, count in unavailable.items()]
    return "\n".join(lines)


def offenders(account):
    """The first tokens of each kind of violation, fairly mixed."""
    by_what = collections.defaultdict(list)
    for what, token, _ in account.violations:
        if token:
            by_what[what].append(token)
    mixed = [tokens[n] for n in range(LISTED) for tokens in by_what.values() if n < len(tokens)]
    return list(dict.fromkeys(mixed))[:max(SHOWN, len(by_what))]


def violations_text(account, problems, stories):
    lines = [f"{count:6}  {what}" for what, count in account.counts().most_common()]
    for what in account.counts():
        lines.append(f"\n{what}:")
        lines += [f"    {token or '-'}  {detail}" for kind, token, detail in account.violations if kind == what][:LISTED]
    for token, story in stories.items():
        lines += [f"\nthe story of {token}:", *("    " + line for line in story)]
    lines += [f"\nproblem: {problem}" for problem in problems[:2 * LISTED]]
    return "\n".join(lines)
