"""What operators count: deliveries, gate refusals, entries and how long they take. Names follow Prometheus' conventions."""

from prometheus_client import Counter, Gauge, Histogram

DELIVERIES = Counter("journeys_deliveries", "Messages by what became of them.", ["channel", "outcome"])
GATE_REFUSALS = Counter("journeys_gate_refusals", "Messages that the gate did not let through.", ["channel", "reason"])
PROVIDER_RETRIES = Counter("journeys_provider_retries", "Attempts that a provider turned down for now.", ["channel"])
FAILOVERS = Counter(
    "journeys_provider_failovers", "Messages that a provider did not take and another was offered.", ["channel", "provider"]
)
PROVIDER_STOPPED = Gauge("journeys_provider_stopped", "Whether this process does not use a provider for now.", ["provider"])
JOURNEYS_STOPPED = Counter("journeys_stopped", "Journeys that were paused because they did harm.", ["journey"])
SUM_DIFFERENCES = Counter("journeys_sum_differences", "Sums that a recomputation found to be others.", ["journey"])
CHANNEL_STOPPED = Counter("journeys_channel_stopped", "Pauses because a provider refused everybody in a row.", ["channel"])
CALLS = Counter("journeys_calls", "Calls to the company's services by what they came to.", ["service", "outcome"])
CALL_SECONDS = Histogram(
    "journeys_call_seconds",
    "One attempt at a call to a service, answered or not.",
    ["service"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
CONTEXTS = Counter(
    "journeys_contexts", "What it is like where customers are, by whether the provider told it.", ["context", "outcome"]
)
PREDICTION_HELD = Gauge(
    "journeys_prediction_held",
    "Whether a prediction lets nobody new over its thresholds, since it is not trusted.",
    ["prediction"],
)
ENTRIES = Counter("journeys_entries", "Entries by what became of them.", ["journey", "outcome"])
ENTRY_LATENCY = Histogram(
    "journeys_entry_latency_seconds",
    "From a transition being logged to Temporal having its run.",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60, 300),
)
EXITS = Counter("journeys_exits", "Runs that ended, by reason.", ["journey", "reason"])
FAILING = Gauge(
    "journeys_failing_runs", "Runs that cannot go on until their code, or a step that raises, is mended.", ["journey"]
)
TICK = Histogram(
    "journeys_watch_tick_seconds",
    "One look for changes of membership.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
TRANSITIONS = Counter("journeys_transitions", "Membership transitions.", ["kind"])
