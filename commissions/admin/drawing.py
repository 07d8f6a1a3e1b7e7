"""Pictures of the staff's pages, drawn by the server as boxes and bars of plain HTML.

The content policy of these pages allows inline styles and no script of ours; the boxes wrap where
the screen is narrow. Colours are the theme's own where it has one, so light and dark both read.
Everything is escaped: titles and reasons are other people's words.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from backend.core.staff import fen, in_words
from commissions import explain, ledger, split

BLUE, GREEN, RED, GREY, AMBER = "#3b82f6", "#16a34a", "#dc2626", "#9ca3af", "#d97706"
_BOX = (
    "flex:{};min-width:min(100%,12rem);box-sizing:border-box;padding:.75rem;overflow-wrap:anywhere;"
    "border:1px solid rgba(128,128,128,.35);border-top:3px solid {};border-radius:.5rem"
)
_MUTED = "opacity:.7"
_COLOURS = {
    split.PROMOTER: BLUE, split.INVITER: GREEN, split.INVITER2: GREEN, split.CREATOR: BLUE,
    split.AGENCY: AMBER, split.AGENCY2: AMBER,
}  # fmt: skip


class Bar(NamedTuple):
    """One bar: its label, its length in any unit (below zero too), the figure beside it."""

    label: str
    length: int
    figure: str
    colour: str


def bars(drawn: Iterable[Bar], *, longest: int | None = None) -> SafeString:
    """Horizontal bars under one scale; the figure stands beside each, so that nothing has to be
    measured by eye."""
    some = list(drawn)
    scale = longest or max((abs(bar.length) for bar in some), default=0) or 1
    found = (
        (
            bar.label,
            bar.figure,
            _width(abs(bar.length), scale),
            bar.colour,
        )
        for bar in some
    )
    return format_html(
        '<div class="bars">{}</div>',
        format_html_join(
            "",
            '<div style="margin:.3rem 0"><div style="display:flex;flex-wrap:wrap;gap:0 .75rem;'
            'justify-content:space-between"><span style="overflow-wrap:anywhere">{}</span>'
            '<span style="white-space:nowrap;font-variant-numeric:tabular-nums">{}</span></div>'
            '<div style="height:.5rem;border-radius:.25rem;background:rgba(128,128,128,.15)">'
            '<div class="bar" style="height:100%;border-radius:.25rem;width:{}%;background:{}">'
            "</div></div></div>",
            found,
        ),
    )


def _width(length: int, scale: int) -> str:
    """Of a hundred, with one decimal; a bar that stands for something is never invisible."""
    thousandths = max(length * 1_000 // scale, 5 if length else 0)
    return f"{thousandths // 10}.{thousandths % 10}"


def boxes(drawn: Iterable[SafeString]) -> SafeString:
    """Boxes beside each other, in the order in which one follows from the other."""
    return format_html(
        '<div class="boxes" style="display:flex;flex-wrap:wrap;gap:.75rem;align-items:stretch">'
        "{}</div>",
        format_html_join("", "{}", ((box,) for box in drawn)),
    )


def box(title: str, inside: SafeString, *, colour: str = GREY, flex: str = "1 1 12rem") -> Any:
    """A box with a title and a coloured edge."""
    return format_html(
        '<section style="{}"><h3 style="font-weight:600;margin-bottom:.4rem">{}</h3>{}</section>',
        _BOX.format(flex, colour),
        title,
        inside,
    )


def said(lines: Iterable[Any]) -> SafeString:
    """Lines of text; what is empty is left out."""
    return format_html_join("", "<div>{}</div>", ((line,) for line in lines if line))


def muted(text: str) -> SafeString:
    """What stands beside the matter."""
    return format_html('<span style="{}">{}</span>', _MUTED, text)


def words(text: str, summary: str) -> SafeString:
    """The same in words, folded away; its lines wrap."""
    return format_html(
        '<details style="margin-top:.75rem"><summary style="cursor:pointer;position:relative;'
        'text-decoration:underline">{}</summary>'
        "{}</details>",
        summary,
        in_words(text),
    )


# ---------------------------------------------------------------- from line to journal
def explained(commission_id: int) -> SafeString:
    """A commission order as a diagram, and below it the same in words."""
    trace = explain.for_staff(commission_id)
    return format_html(
        "{}{}", commission(trace), words(explain.readable(trace), "The same in words 文字说明")
    )


def commission(trace: dict[str, Any]) -> SafeString:
    """A trace (`commissions.explain`) as five boxes: line → touch → plan → split → journals."""
    return boxes(
        [
            box("1 · Line 订单行", _line(trace), colour=GREY),
            box("2 · Touch 归因", _touch(trace), colour=BLUE),
            box("3 · Plan 计划", _plan(trace), colour=AMBER),
            box("4 · Split 分账", _split(trace), colour=GREEN, flex="2 1 18rem"),
            box("5 · Journals 凭证", _journals(trace), colour=GREY),
        ]
    )


def _line(trace: dict[str, Any]) -> SafeString:
    line = trace["line"]
    refunded = trace["refunded_fen"]
    return said(
        [
            format_html("<strong>{}</strong>", line["title"]),
            f"{line['order_number']} · line {line['line_id']}",
            f"{line['qty']} × {fen(line['unit_price_fen'])}",
            line["discount_fen"] and f"− {fen(line['discount_fen'])} discount",
            format_html("paid <strong>{}</strong>", fen(line["paid_fen"])),
            refunded and f"of it refunded {fen(refunded)}",
        ]
    )


def _touch(trace: dict[str, Any]) -> SafeString:
    won, losers = trace["attribution"], trace["attribution"]["losers"]
    source = f"{won['source_kind']} {won['link_code'] or won['source_id'] or ''}".strip()
    lost = [
        muted(f"lost: {loser['kind']} {loser['id']}: {loser['reason']}") for loser in losers[:5]
    ]
    more = len(losers) - len(lost)
    stands = trace["overrides"][-1] if trace["overrides"] else None
    return said(
        [
            format_html("rule <strong>{}</strong>", won["rule"]),
            source,
            won["touched_at"] and f"touched {won['touched_at']:%Y-%m-%d %H:%M} UTC",
            *(f"finding: {one}" for one in won["findings"]),
            *lost,
            more and muted(f"and {more} more that lost"),
            stands
            and format_html(
                "<strong>decided anew</strong>: override {}, {}", stands["number"], stands["reason"]
            ),
        ]
    )


def _plan(trace: dict[str, Any]) -> SafeString:
    plan, terms, step = trace["plan"], trace["pricing"], trace["rounding"]
    # What a plan sets is the budget, whatever rate it came by; without one the rate is the offer's.
    rate = f"{step['rate_bps']} bps"
    if terms is not None and terms["unit_fen"] is not None:
        rate = f"{fen(terms['unit_fen'])} × {terms['qty']}"
    return said(
        [
            format_html("<strong>{}</strong>, version {}", plan["name"], plan["version_number"]),
            f"won at step “{plan['step'] or 'nobody to pay'}”",
            muted(" > ".join(plan["precedence"])),
            format_html(
                "{} of {} = <strong>{}</strong>",
                rate,
                fen(step["base_fen"]),
                fen(trace["budget_fen"]),
            ),
            *(muted(f"named by {how}") for how in (explain.named_in_words(terms) if terms else [])),
            terms and terms["cut_by"] and f"cut by {terms['cut_by']}",
            f"fee {step['fee_bps']} bps = {fen(trace['fee_fen'])}",
            *(
                muted(f"passed over {one['plan']}: {one['reason']}")
                for one in (terms["passed_over"] if terms else [])
            ),
        ]
    )


def _split(trace: dict[str, Any]) -> SafeString:
    parts = trace["splits"] or []
    longest = max((part["amount_fen"] for part in parts), default=0)
    drawn = bars(
        (
            Bar(
                f"{part['role']} {part['payee'] or ''} · {part['share_bps']} bps",
                part["amount_fen"],
                _figure(part),
                _COLOURS.get(part["role"], GREY),
            )
            for part in parts
        ),
        longest=longest,
    )
    agencies = ", ".join(one["name"] for one in trace["tree"]["agencies"])
    return format_html("{}{}", drawn, said([agencies and muted(f"by way of {agencies}")]))


def _figure(part: dict[str, Any]) -> str:
    figure = fen(part["amount_fen"])
    if part["passed_on_fen"]:
        gross, passed = fen(part["gross_fen"]), fen(part["passed_on_fen"])
        figure = f"{gross} − {passed} passed on = {figure}"
    if part["reversed_fen"]:
        figure += f", back {fen(part['reversed_fen'])}"
    return figure


def _journals(trace: dict[str, Any]) -> SafeString:
    kinds = ledger.JournalKind
    posted = [("accrual", kinds.ACCRUAL, trace["id"], "")]
    posted += [
        (f"reversal from {one['from']}", kinds.REVERSAL, one["id"], fen(one["amount_fen"]))
        for one in trace["reversals"]
    ]
    posted += [("override", kinds.OVERRIDE, one["id"], "") for one in trace["overrides"]]
    lines = [
        format_html(
            '<a class="text-link" style="text-decoration:underline" href="{}">{}</a> {}',
            reverse("admin:commissions_journal_change", args=[ledger.journal_id(kind, subject)]),
            name,
            figure,
        )
        for name, kind, subject, figure in posted
    ]
    run = trace["settlement_run_id"]
    if run:
        url = reverse("admin:commissions_settlementrun_change", args=[run])
        lines.append(
            format_html(
                '<a class="text-link" style="text-decoration:underline" href="{}">settled</a> by'
                " run {}",
                url,
                run,
            )
        )
    held = trace["held_reason"]
    return said(
        [
            *lines,
            format_html("state <strong>{}</strong> {}", trace["status"], trace["reason"]),
            held and f"held: {held}",
        ]
    )


# ---------------------------------------------------------------- a what-if
SHOWN = 10


def what_if(result: dict[str, Any]) -> SafeString:
    """A what-if's result as bars: cost and margin then and now, who wins and loses, caps that
    cut."""
    return boxes(
        [
            box("Cost and margin 成本与毛利", _totals(result), colour=BLUE, flex="1 1 100%"),
            box("Would earn more 增收", _people(result, 1), colour=GREEN, flex="1 1 16rem"),
            box("Would earn less 减收", _people(result, -1), colour=RED, flex="1 1 16rem"),
            box("Lines cut by a cap or fund 封顶", _cuts(result), colour=AMBER, flex="1 1 16rem"),
        ]
    )


def _totals(result: dict[str, Any]) -> SafeString:
    before, after = result["before_fen"], result["after_fen"]
    margin, would = result["margin_before_fen"], result["margin_after_fen"]
    more = result["difference_fen"]
    drawn = [
        Bar("commission, as it was 历史佣金", before, fen(before), GREY),
        Bar("commission, with the draft 试算佣金", after, fen(after), BLUE),
        Bar("what shops kept 历史毛利", margin, fen(margin), GREY),
        Bar("what shops would keep 试算毛利", would, fen(would), GREEN if would >= 0 else RED),
    ]
    return format_html(
        "{}{}",
        bars(drawn),
        said(
            [
                format_html("difference <strong>{}{}</strong>", "+" if more > 0 else "", fen(more)),
                f"{result['changed_lines']} of {result['lines']} lines change",
            ]
        ),
    )


def _people(result: dict[str, Any], sign: int) -> SafeString:
    """At most ten, the largest difference first; the scale is that of winners and losers both."""
    longest = max((abs(one["difference_fen"]) for one in result["promoters"]), default=0)
    some = [one for one in result["promoters"] if one["difference_fen"] * sign > 0]
    count = result["winners" if sign > 0 else "losers"]
    if not some:
        return said([muted("nobody" if not count else f"{count}, none among the largest changes")])
    drawn = bars(
        (
            Bar(
                one["handle"],
                one["difference_fen"],
                f"{fen(one['before_fen'])} → {fen(one['after_fen'])}",
                GREEN if sign > 0 else RED,
            )
            for one in some[:SHOWN]
        ),
        longest=longest,
    )
    more = count - len(some[:SHOWN])
    return format_html("{}{}", drawn, said([more > 0 and muted(f"and {more} more")]))


def _cuts(result: dict[str, Any]) -> SafeString:
    cut = sorted(result["cut_lines"].items(), key=lambda one: (-one[1], one[0]))
    if not cut:
        return said([muted("none")])
    whole = result["lines"]
    drawn = (Bar(name, lines, f"{lines} of {whole} lines", AMBER) for name, lines in cut)
    return bars(drawn, longest=whole)
