"""What the service remembers; `interface` says what a store promises."""
