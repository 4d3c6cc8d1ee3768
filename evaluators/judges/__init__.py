"""Who says how harmful a reply is."""
