"""A one-node Kubernetes in namespaces of its own. The modules, from the bottom up:

layout      where things are: the state folder, the cache of programs, the settings of one cluster
cgroups     the cgroup below which a cluster's pods live
pki         keys and certificates
config      the files that the components read
components  the components' command lines
control     how commands talk to a running cluster
boot        from fresh namespaces to a ready cluster
supervisor  process 1 inside the namespaces: starts the components and serves `control`
keeper      outside of them: holds the cluster's lock, ends it with its owner, and cleans up
lifecycle   up, down, restart, load and so on, as functions
"""
