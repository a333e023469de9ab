"""Time as customers have it: calendars, hours, zones and clocks on walls; pure."""
