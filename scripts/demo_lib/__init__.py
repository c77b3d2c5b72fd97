"""The parts of scripts/demo.

terminal   what is printed
clusters   where it runs: a cluster of its own, or one of the user's
watch      kubectl get -w in the background, with the time of every event
ring       the shards and objects at this moment, and whether they are where they should be
guide      what a step is given: run a command, expect, wait
steps      the guide itself
summary    the tables at the end
"""
