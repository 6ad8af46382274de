"""Independent oracle: a naive recomputation of CRM KPIs from the final facts.

Shares no code with the daemon; it is slow on purpose and keeps no panes, no
deltas and no incremental state. It does not read configuration files.
"""
