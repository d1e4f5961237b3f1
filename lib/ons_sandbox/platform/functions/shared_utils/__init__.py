"""What the functions of the ONS Data Platform share."""
