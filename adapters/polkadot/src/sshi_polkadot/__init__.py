"""The interface on Polkadot's pallet-contracts.  `plugin` is the door."""
