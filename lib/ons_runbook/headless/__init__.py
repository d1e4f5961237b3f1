"""Running a procedure without anyone watching: catalogue and parameters, kernel and engine, report and index.

catalogue, parameters   what there is, and what may be asked of it
runner                  one run; on kernel (the process), engine (papermill) and executed (what is kept of it)
report, outputs         the page; summary and terminal the same in words
archive, index          the reports folder and its list
doctor                  what is wrong on this machine
"""
