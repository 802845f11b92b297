.PHONY: help demo test bench fmt

help:
	@echo 'make demo    serve a demo filled from real data (ARGS="--listen 127.0.0.1:8080")'
	@echo 'make test    run every check'
	@echo 'make bench   measure speed'
	@echo 'make fmt     format the code'
	@echo 'Each installs what it needs and the machine lacks.'

demo:
	@scripts/demo $(ARGS)

test:
	@scripts/test

bench:
	@scripts/bench

fmt:
	@cargo fmt --all
