"""What a console may do wrong, as data: each fault with the verdict that the laws demand (docs/console-faults.md)."""
