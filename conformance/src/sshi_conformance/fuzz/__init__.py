"""Generated contracts and scenarios, run on two hosts and compared.

    contracts, scenarios   a seed's contracts, and for each contract its cases, full of hostile arguments
    program, lines, module what a contract is, its instructions, and the module they make (as bytes, and as text for people)
    trial, differ          one case on one host, and the first difference between two hosts
    shrink, findings       the smallest case that still differs, written so that a person can replay it
    campaign               all of it, in a loop, with figures that show what was really reached

Everything is decided by the seed: the same seed, pair and numbers give the same cases.  Two kinds of pair.  Hosts of one chain
must agree in everything, cost included.  The reference host and a chain agree in what the interface promises, so their
cases avoid by construction what chains have declared to differ in (`Scope`).
"""
