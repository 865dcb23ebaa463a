"""What a published version consists of in the store, read by those who publish and those who feed."""
