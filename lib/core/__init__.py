"""The ground floor: folders, cache, stores, device and seeds."""
