"""What the demo's shop sells: a fixed range, priced in euros, in the words of Segment's e-commerce spec."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

SHOP = "https://shop.example"
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on the shelf; `price` in euros."""

    id: str
    name: str
    category: str
    price: Decimal

    @property
    def url(self) -> str:
        """Its page in the web shop."""
        return f"{SHOP}/products/{self.id}"

    def properties(self) -> dict[str, Any]:
        """It as the properties of an e-commerce event (segment.com/docs/connections/spec/ecommerce/v2)."""
        return {
            "product_id": self.id,
            "name": self.name,
            "category": self.category,
            "price": float(self.price),
            "currency": CURRENCY,
            "url": self.url,
            "image_url": f"{SHOP}/images/{self.id}.jpg",
        }


def _shelf(category: str, **priced: str) -> tuple[Product, ...]:
    return tuple(
        Product(name.replace("_", "-"), name.replace("_", " ").capitalize(), category, Decimal(price))
        for name, price in priced.items()
    )


PRODUCTS: tuple[Product, ...] = (
    *_shelf("Jackets", trail_jacket="129.00", rain_shell="89.50", down_vest="109.00", wind_breaker="64.90"),
    *_shelf("Footwear", hiking_boots="159.00", trail_runners="119.00", camp_sandals="49.90", wool_socks="14.50"),
    *_shelf("Packs", day_pack="74.00", trekking_pack="189.00", dry_bag="22.90"),
    *_shelf("Camp", two_person_tent="249.00", sleeping_bag="139.00", gas_stove="54.90", head_torch="39.90"),
    *_shelf("Water", steel_bottle="24.90", water_filter="44.00"),
)
