"""Old sessions in cold storage below `data/archived`, and snapshots of the marts.

`selection` says which sessions can go, `archiving` and `restoring` move them, `journal` makes a move whole after a
kill, `part` is what one move left behind, `lines` and `marts` are its Parquet; `snapshots` stand beside.
"""
