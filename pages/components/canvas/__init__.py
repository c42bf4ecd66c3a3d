"""The review canvas: one component that draws, takes keys, prefetches and sends decisions."""
