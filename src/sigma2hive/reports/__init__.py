"""Results as files for people and other programs. Takes `model` types; gives texts."""
