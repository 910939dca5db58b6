package main

import (
	"strings"
	"testing"
)

func TestGeometry(t *testing.T) {
	for _, tt := range []struct {
		args  string
		parts []string
		not   string
	}{
		{"-geometry", []string{"64 bytes, flags none", "256 bytes, flags none", "native: 64 bytes as 64", "512 on 8 pages", "2.6.9: 64 bytes as 64", "61 on 1 page", "2.6.14: 64 bytes", "  page 0  |"}, "huge"},
		{"-geometry -size=24 -flags=destroy_by_rcu,hwcache_align", []string{"24 bytes, flags destroy_by_rcu+hwcache_align", "aligned to 32", "2.6.8-i386-up: 24 bytes"}, "256 bytes,"},
		{"-geometry -size=600 -layout=2.6.9-i386", []string{"2.6.9-i386: 600 bytes as 600", "h header"}, "native"},
		{"-geometry -size=200000", []string{"native: kmem: Geometry: object size 200000 is impossible"}, "page 0"},
	} {
		stdout, stderr, status := command(t, strings.Fields(tt.args)...)
		if status != statusOK || stderr != "" {
			t.Errorf("%s: status %d, %s", tt.args, status, stderr)
		}
		wantParts(t, tt.args, stdout, tt.parts...)
		if strings.Contains(stdout, tt.not) {
			t.Errorf("%s: %q in\n%s", tt.args, tt.not, stdout)
		}
	}
	if _, stderr, status := command(t, "-geometry", "-verify"); status != statusUsage || !strings.Contains(stderr, "exclude each other") {
		t.Errorf("-geometry -verify: status %d, %s", status, stderr)
	}
}
