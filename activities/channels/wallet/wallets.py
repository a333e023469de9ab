"""The wallets that passes go to: who signs for Apple and pushes to its devices, who speaks to Google."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from activities.channels.secret_files import service_account
from activities.channels.wallet.apple import PassType, Unusable
from activities.channels.wallet.apple_push import ApplePushes
from activities.channels.wallet.google import GoogleWallet
from activities.channels.wallet.google_object import GooglePass, emptied, google_pass
from store import Database
from store.deliveries import passes
from store.deliveries.passes import Pass, ToTell

__all__ = ["CALLBACK", "Unusable", "Wallets", "pass_type", "wallets_of"]

#: Where Google's news of a pass comes in, below the public address.
CALLBACK = "/v1/webhooks/google-wallet"


class _Given(Protocol):
    """What wallets are made of."""

    @property
    def public_url(self) -> str: ...
    @property
    def wallet_apple_certificate(self) -> Path | None: ...
    @property
    def wallet_apple_key(self) -> Path | None: ...
    @property
    def wallet_apple_intermediate(self) -> Path | None: ...
    @property
    def wallet_apns_url(self) -> str: ...
    @property
    def wallet_google_issuer(self) -> str: ...
    @property
    def wallet_google_service_account(self) -> Path | None: ...
    @property
    def wallet_google_url(self) -> str: ...


@dataclass(frozen=True)
class Wallets:
    """The wallets that passes go to: one of them at least."""

    public_url: str
    apple: PassType | None
    pushes: ApplePushes | None
    google: GoogleWallet | None

    def at_google(self, pass_: Pass | ToTell) -> GooglePass:
        """A pass in Google's words."""
        assert self.google is not None
        base = self.public_url.rstrip("/")
        callback = base + CALLBACK if base.startswith("https:") else None  # Google posts to no other
        picture: Callable[[str], str] = f"{base}/wallet/pictures/{{}}.png".format
        return google_pass(self.google.issuer, pass_.template, pass_.serial, pass_.content, picture, callback)

    async def tell(self, database: Database, behind: ToTell | None) -> None:
        """Tell a device of its pass, and again while that changes meanwhile: whoever tells last tells of the last state.

        Raises:
            ChannelError: it could not be told.
        """
        while behind is not None:
            if behind.platform == "ios" and self.pushes is not None:
                await self.pushes.tell(behind.push_token)
            elif behind.platform == "android" and self.google is not None:
                await self.google.put(self.at_google(behind))
                if not await passes.stands(database, behind.serial):  # its customer was erased meanwhile
                    await self.empty(behind.serial, behind.template, behind.content["style"])
            await passes.told(database, behind)
            behind = await passes.newer(database, behind.serial, behind.platform, behind.device, behind.modified_at)

    async def empty(self, serial: UUID, template: str, style: str) -> bool:
        """Have a pass show nothing any more where its wallet has it from us; False where none does.

        Apple's devices ask for the pass, and are told that there is none.

        Raises:
            ChannelError: it could not be told.
        """
        return self.google is not None and await self.google.replace(emptied(self.google.issuer, template, serial, style))

    async def close(self) -> None:
        """Let go of connections."""
        for each in (self.pushes, self.google):
            if each is not None:
                await each.close()


def wallets_of(settings: _Given) -> Wallets | None:
    """The wallets that the settings describe, if any."""
    apple = pushes = google = None
    certificate, key, intermediate = (
        settings.wallet_apple_certificate,
        settings.wallet_apple_key,
        settings.wallet_apple_intermediate,
    )
    if certificate and key and intermediate:
        apple = pass_type(certificate, key, intermediate)
        pushes = ApplePushes(apple.identifier, settings.wallet_apns_url, certificate, key)
    if settings.wallet_google_service_account is not None:
        account = service_account(settings.wallet_google_service_account, "JOURNEYS_WALLET_GOOGLE_SERVICE_ACCOUNT")
        google = GoogleWallet(account, settings.wallet_google_issuer, settings.wallet_google_url)
    return Wallets(settings.public_url, apple, pushes, google) if apple or google else None


def pass_type(certificate: Path, key: Path, intermediate: Path) -> PassType:
    """The pass type whose files these are.

    Raises:
        Unusable: no pass can be signed with them.
        OSError: one cannot be read.
    """
    return PassType.read(certificate.read_bytes(), key.read_bytes(), intermediate.read_bytes())
