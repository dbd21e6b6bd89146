"""The deterministic simulator: the real charging code on a fake clock, store and switch; each seed is a history.

`clock` is time, `store` the tables, `laws` what must hold after each commit, `service` one charging process, `switch`
the edge, `history` the steps that a seed stands for, `world` all of it together, `run` many seeds. To let the simulator
do something new to the service: a kind of step in `history` and its method in `world`.
"""
