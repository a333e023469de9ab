"""What `GET /v1/coverage` answers, as OpenAPI shows it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from segments.ask.coverage import Report
from store.segments.rows import Coverage

_SHARE = "0 to 1"


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SourceView(_View):
    """A source of a trait."""

    source: str | None = Field(description="null: from before it was kept")
    share: float = Field(description="of the customers who have the trait, 0 to 1")
    newest_at: datetime | None


class CoverageView(_View):
    """A trait: who has it, where it comes from, and how fresh it is."""

    trait: str
    having: int = Field(description="of the customers looked at")
    share: float = Field(description=_SHARE)
    newest_at: datetime | None = Field(description="when a value last came; null: it is not known")
    median_at: datetime | None
    outdated: int = Field(description="values older than asked for")
    outdated_share: float = Field(description="of the values, 0 to 1")
    sources: list[SourceView] = Field(description="the largest first")
    inferred_share: float = Field(description="of the values, 0 to 1: those with a confidence")
    median_confidence: float | None = Field(description="of the inferred values; null: there are none")


class NeedView(_View):
    """A trait that a segment asks for."""

    trait: str
    share: float = Field(description="of all customers, who have it, 0 to 1")
    outdated: float = Field(description="of these values, 0 to 1")
    enough: bool


class SufficiencyView(_View):
    """Whether there is enough data for a segment."""

    segment: str
    needs: list[NeedView]
    sentence: str | None = Field(description="what is missing, and what to do; null: there is enough")


class CoverageReport(_View):
    """Coverage and freshness of every trait, and what they mean for the segments."""

    customers: int = Field(description="customers looked at; a sample when there are very many")
    traits: list[CoverageView]
    segments: list[SufficiencyView] = Field(description="those that ask for traits")


def coverage_report(found: Report) -> CoverageReport:
    """The report as the API shows it."""
    segments = [SufficiencyView.model_validate(each) for each in found.segments]
    return CoverageReport(customers=found.customers, traits=[_view(each) for each in found.traits], segments=segments)


def _view(each: Coverage) -> CoverageView:
    sources = [
        SourceView(source=one.source, share=one.having / each.having, newest_at=one.newest_at)
        for one in sorted(each.sources, key=lambda one: (-one.having, one.source or ""))
    ]
    return CoverageView(
        trait=each.trait,
        having=each.having,
        share=each.having / each.customers,
        newest_at=each.newest_at,
        median_at=each.median_at,
        outdated=each.outdated,
        outdated_share=each.outdated / each.having,
        sources=sources,
        inferred_share=each.inferred / each.having,
        median_confidence=each.median_confidence,
    )
