module github.com/slabrcu/slabrcu/internal/compat

go 1.26.0

replace github.com/slabrcu/slabrcu => ../..

require (
	github.com/prometheus/procfs v0.23.0
	github.com/slabrcu/slabrcu v0.0.0-00010101000000-000000000000
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
