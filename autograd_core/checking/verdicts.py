"""From a derivative and its finite difference to a verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from autograd_core.arguments import number
from autograd_core.checking.finite_differences import Derivative
from autograd_core.checking.report import Row, Verdict, percent
from autograd_core.checking.windows import CONFIDENCE

MULTIPLE = 10.0  # tolerance, in estimated errors of the finite difference
FLOOR = 1e-9  # relative difference that always passes: rounding of the gradient itself
EPSILONS = 8.0  # the same in units of the relative precision of the gradient's type, where that is coarser
DROWNED = "the rounding of f hides slopes"
FEW_DIGITS = "the precision of the gradient's type hides slopes"
COARSE = 1e-3  # relative tolerance from which the row says how far the agreement reaches
TELLING = 0.1  # relative tolerance from which agreement proves nothing
AGREEING = ("ok", "kink", "boundary")


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as agreement.

    Attributes:
        rtol: relative tolerance, or None to take the tolerance from the estimated error.
        atol: absolute tolerance, or None.
        accepted: the verdicts that pass.
        epsilon: relative precision of the gradient's type.
    """

    rtol: float | None = None
    atol: float | None = None
    accepted: Collection[str] = AGREEING
    epsilon: float = 2.0**-52

    def __post_init__(self) -> None:
        for name, tolerance in (("rtol", self.rtol), ("atol", self.atol)):
            if tolerance is not None:
                number(name, tolerance, "[0, inf)")

    @property
    def floor(self) -> float:
        """The relative difference that always passes."""
        return max(FLOOR, EPSILONS * self.epsilon)

    @property
    def given(self) -> bool:
        """Whether the caller chose the tolerance."""
        return self.rtol is not None or self.atol is not None

    def asked(self, scale: float) -> float:
        """The difference that the caller allows between numbers of this size."""
        return (self.atol or 0.0) + (self.rtol or 0.0) * scale

    def tolerance(self, scale: float, error: float) -> float:
        """The difference allowed between numbers of this size."""
        return max(self.asked(scale), error) if self.given else MULTIPLE * error + self.floor * scale


def judge(
    name: str,
    analytic: float,
    found: Derivative,
    rules: Rules,
    *,
    rounding: float = 0.0,
    verified: bool = False,
) -> Row:
    """Compare a derivative with its finite difference.

    Args:
        name: of the row.
        analytic: the derivative under test.
        found: the finite difference.
        rules: tolerances and accepted verdicts.
        rounding: the rounding error of the derivative under test itself, where it is known.
        verified: whether the derivative has been verified by other means, so that a finite difference drowned
            in known rounding still passes.
    """
    error = found.error / MULTIPLE if found.bounded else found.error
    scale = scale_of(analytic, found)
    tolerance = rules.tolerance(scale, error)
    verdict, note = decide(analytic, found, rules, tolerance, rounding, verified)
    difference = abs(analytic - found.value)
    if verdict == "wrong" and difference <= found.error:  # it is within the error stated, whatever the rule
        verdict, note = "undecided", hiding_note(found, found.error)
        if found.staircase:
            note = f"flat between steps here: the slope is 0, or that of the whole, within {found.error:.1g}"
    left, right = (found.left, found.right) if found.behaviour == "kink" else (None, None)
    counts = verdict not in AGREEING or (verdict != "kink" and (verified or rounding <= TELLING * scale))
    allowed = tolerance + (rounding if counts else 0.0)
    told = verdict in AGREEING and not (rules.given or verified) and (analytic or verdict == "kink")
    precision = allowed / scale if told else 0.0
    if precision > COARSE:
        note = f"agrees within {percent(precision)}: a smaller mistake would not show"
    return Row(
        name,
        analytic,
        found.value,
        found.error,
        allowed,
        verdict,
        verdict in rules.accepted,
        note,
        left.value if left else None,
        right.value if right else None,
        drowned=note.startswith((DROWNED, FEW_DIGITS)) or (verdict == "noise" and difference <= tolerance),
        precision=precision if precision > COARSE else 0.0,
    )


def with_zeros(rows: Sequence[Row], rules: Rules) -> list[Row]:
    """The rows, where a gradient of 0 says how far it is confirmed: no number of its own tells its scale."""
    sizes = [abs(row.analytic) for row in rows]
    bound = COARSE * max(filter(math.isfinite, sizes), default=0.0) or FLOOR

    def told(row: Row) -> Row:
        if rules.given or row.verdict not in AGREEING or row.analytic or row.note or row.tolerance <= bound:
            return row
        note = f"0 within {row.tolerance:.1g}: a smaller slope would not show"
        return replace(row, note=note, precision=math.inf)

    return [told(row) for row in rows]


def decide(
    analytic: float, found: Derivative, rules: Rules, tolerance: float, rounding: float, verified: bool
) -> tuple[Verdict, str]:
    """The verdict and a note; the tolerance is that of the finite difference, without ``rounding``."""
    difference = abs(analytic - found.value)
    if found.behaviour == "non-finite":
        return "non-finite", found.message
    if math.isnan(analytic):
        return "non-finite", "the gradient is nan"
    if found.behaviour == "infinite":
        return "infinite", "" if analytic == found.value else "the gradient does not show it"
    if math.isinf(analytic):
        return "wrong", "the gradient is infinite and the slope is not"
    if found.nearer is not None:
        others = replace(found, nearer=None)
        verdict, note = decide(analytic, others, rules, tolerance, rounding, verified)
        return (
            ("undecided", nearer_note(found)) if is_open(analytic, found, verdict, rules) else (verdict, note)
        )
    if found.behaviour == "kink" and found.left and found.right:
        return at_kink(analytic, found, rules, tolerance)
    if found.behaviour == "jump" or (
        found.behaviour == "noise" and not (verified and difference <= tolerance)
    ):
        return found.behaviour, ""
    if found.staircase and analytic == 0.0:
        flat = "the function is a staircase, flat between its steps"
        return ("ok", flat) if verified else ("undecided", f"{flat}: is a number rounded, or its graph left?")
    if found.staircase and difference > 0.5 * abs(found.value) + found.error:
        return "wrong", comparison(analytic, found.value, 2 * found.error + tolerance)
    if difference > tolerance + rounding:
        return "wrong", comparison(analytic, found.value, tolerance)
    if difference > tolerance and rounding > TELLING * scale_of(analytic, found) and not verified:
        return "undecided", f"{FEW_DIGITS} up to {rounding:.1g} here"
    if hidden(analytic, found, rules, tolerance + rounding) and not verified:
        return "undecided", hiding_note(found, tolerance + rounding)
    return ("boundary" if found.behaviour == "boundary" else "ok"), ""


def is_open(analytic: float, found: Derivative, verdict: Verdict, rules: Rules) -> bool:
    """Whether steps of two scales disagree about this gradient: the closer ones are right, or are noise."""
    assert found.nearer is not None
    allowed = 2.0 * found.nearer.error + rules.floor * abs(analytic)
    close = abs(analytic - found.nearer.value) <= allowed
    if verdict == "kink":  # beside x: closer to it there is one slope
        return not close
    return close or verdict in ("ok", "boundary")


def nearer_note(found: Derivative) -> str:
    """What is told where steps of two scales disagree."""
    assert found.nearer is not None
    nearer = found.nearer
    slopes = (
        f"f has the slope {found.value:.6g} at steps down to {found.finest:.1g} and {nearer.value:.6g} at "
        f"steps of {nearer.step:.1g}"
    )
    if found.jump is None:
        return f"{slopes}: something narrow is at this point, or f moves there by jumps of its rounding"
    if found.value == nearer.value:
        slopes = f"the slope {nearer.value:.6g} here may be off by {MULTIPLE * found.error:.1g}"
    return f"{slopes}: {pieces(found)}"


def hiding_note(found: Derivative, most: float) -> str:
    """What is told where slopes are hidden; only those that rounding hides may be accepted."""
    if found.jump is None:
        return f"{DROWNED} up to {most:.1g} here"
    return f"the seams of f hide slopes up to {most:.1g} here: {pieces(found)}"


def pieces(found: Derivative) -> str:
    """Of what f is made, and what may be done."""
    jumps = f"jump by {found.jump:.2g}" if found.jump else "meet in weak kinks"
    return (
        f"it is made of pieces that {jumps}; compute all of it in float64, iterate to the last digit, "
        "tighten the tolerance of a solver"
    )


def scale_of(analytic: float, found: Derivative) -> float:
    """The largest of the slopes that are compared."""
    sides = (found.left, found.right) if found.behaviour == "kink" else ()
    return max(abs(analytic), abs(found.value), *(abs(side.value) for side in sides if side))


def hidden(analytic: float, found: Derivative, rules: Rules, tolerance: float) -> bool:
    """Whether the agreement says nothing: another gradient, a tenth larger or smaller, would pass as well."""
    scale = scale_of(analytic, found)
    if rules.given:
        return found.error > rules.asked(scale)
    if analytic == 0.0 and found.behaviour != "kink":  # any other gradient is infinitely larger
        return found.unseen > 0.0 or abs(found.value) > CONFIDENCE * found.error
    if rules.epsilon > 2.0**-52:  # the gradient's own few digits are no fault of the finite difference
        tolerance = MULTIPLE * found.error
    return tolerance > TELLING * scale


def at_kink(analytic: float, found: Derivative, rules: Rules, tolerance: float) -> tuple[Verdict, str]:
    """At a kink every slope between both sides' is a subgradient."""
    low, high = sorted(side.value for side in (found.left, found.right) if side)
    if not low - tolerance <= analytic <= high + tolerance:
        return "wrong", "a kink, and the gradient lies outside both slopes"
    if hidden(analytic, found, rules, tolerance):
        return "undecided", f"{DROWNED} up to {tolerance:.1g} here"
    return "kink", ""


def comparison(analytic: float, numeric: float, tolerance: float) -> str:
    """Say how a wrong derivative differs, where the difference is a simple one."""
    if numeric == 0.0 or abs(numeric) <= tolerance:
        return "should be 0"
    if analytic == 0.0:
        return "is missing: the gradient is 0"
    ratio = analytic / numeric
    slack = 2 * tolerance / abs(numeric)
    if abs(ratio + 1.0) <= slack:
        return "the sign is wrong"
    for factor in (2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, -2.0, -0.5, math.pi / 180, 180 / math.pi):
        if abs(ratio / factor - 1.0) <= slack:
            return f"{factor:.4g} times what it should be"
    if abs(ratio - 1.0) < 1e-2:
        return f"off by a factor of 1 {'+' if ratio > 1 else '-'} {abs(ratio - 1.0):.2g}"
    return f"off by {analytic - numeric:.6g}"
