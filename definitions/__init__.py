"""The catalogue of the reference shop: what product developers write and read. Replace it by JOURNEYS_CATALOGUE=your.module."""
