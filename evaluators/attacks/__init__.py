"""What attackers upload, in the shapes of Qi et al. (2024), with inert placeholders for every harm."""
