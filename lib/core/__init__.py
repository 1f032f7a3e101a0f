"""The ground floor: folders, cache, stores, device, seeds and small numerics."""
