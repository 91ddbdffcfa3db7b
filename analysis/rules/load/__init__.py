"""Load that stays below a burst: more requests, messages, statuses or tunnels over minutes and hours than anything needs.
How many an hour are well stands in `limits.csv`."""
