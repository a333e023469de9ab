"""The settings of wallet passes; what they come to is in `wallets`."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

#: How long a link adds a pass, in business time, where the settings say nothing.
LINK_LIFE = timedelta(days=30)
_TOGETHER = ("wallet_apple_key", "wallet_apple_intermediate")


class WalletSettings(BaseSettings):
    """The part of the settings that is about passes."""

    wallet_apple_key: Path | None = Field(default=None, description="the private key of the pass type's certificate (PEM)")
    wallet_apple_intermediate: Path | None = Field(
        default=None, description="Apple's WWDR certificate that issued it (PEM): it goes with each pass"
    )
    wallet_apple_certificate: Path | None = Field(
        default=None, description="certificate of the pass type (PEM): signs Apple's passes, and shows APNs who we are"
    )
    wallet_apns_url: str = Field(default="https://api.push.apple.com", description="APNs, for news of passes")
    wallet_google_issuer: str = Field(default="", pattern=r"^[0-9]*$", description="Google Wallet's id of the issuer")
    wallet_google_service_account: Path | None = Field(
        default=None, description="Google service-account JSON file that may issue passes"
    )
    wallet_google_url: str = Field(
        default="https://walletobjects.googleapis.com", description="base URL of Google Wallet's API"
    )
    wallet_link_life: timedelta = Field(
        default=LINK_LIFE, gt=timedelta(0), description="how long a link adds a pass after it was sent"
    )

    @field_validator("wallet_apple_certificate")
    @classmethod
    def _signs_passes(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        if given is None:
            return None
        from activities.channels.wallet.wallets import Unusable, pass_type  # noqa: PLC0415 - only who sets it pays

        key, intermediate = (info.data.get(name) for name in _TOGETHER)
        if key is None or intermediate is None:
            raise PydanticCustomError("wallet", "it goes with JOURNEYS_WALLET_APPLE_KEY and JOURNEYS_WALLET_APPLE_INTERMEDIATE")
        try:
            pass_type(given, key, intermediate)
        except (OSError, Unusable) as error:
            raise PydanticCustomError("wallet", "{why}", {"why": str(error)}) from None
        return given

    @field_validator("wallet_google_service_account")
    @classmethod
    def _of_an_issuer(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        if given and not info.data.get("wallet_google_issuer"):
            raise PydanticCustomError("wallet", "it goes with JOURNEYS_WALLET_GOOGLE_ISSUER, which is not set")
        return given
