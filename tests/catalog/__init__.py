"""The platform repository: features, groups, the groups file, ApplicationSets."""
