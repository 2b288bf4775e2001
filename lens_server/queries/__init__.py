"""One file per question; pure: (index, …) → frozen answer. No protobuf, no network, no clock."""
