"""The larger verbs of the `crm` command; each module adds its options and does its work."""
