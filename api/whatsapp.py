"""How WhatsApp's templates stand, for operators: which of them Meta takes now, and as what."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.auth import Reader, schemes
from api.problems import responses
from api.state import Db
from store.deliveries.whatsapp import templates

router = APIRouter(prefix="/v1/whatsapp", tags=["operations"], dependencies=schemes())


class TemplateOut(BaseModel):
    """One template as Meta has it."""

    name: str
    language: str
    status: str = Field(description="Meta's word; only what is approved is sent", examples=["APPROVED", "PAUSED", "REJECTED"])
    category: str | None = Field(examples=["MARKETING", "UTILITY", "AUTHENTICATION"])
    at: datetime = Field(description="as of when that is known")


@router.get("/templates", operation_id="list_whatsapp_templates", responses=responses(401, 403, 503))
async def list_templates(_: Reader, database: Db) -> list[TemplateOut]:
    """All templates of the account, those that cannot be sent first."""
    found = await templates(database)
    return [
        TemplateOut(name=each.name, language=each.language, status=each.status or "", category=each.category, at=each.at)
        for each in found
    ]
