"""The segment builder: a form over the JSON language of segments, drawn from one table of what each kind of condition asks."""
