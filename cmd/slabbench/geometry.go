// -geometry: where objects would lie on their slabs. See doc.go for the manual.

package main

import (
	"fmt"
	"io"

	"github.com/slabrcu/slabrcu/kmem"
)

// defaultSizes are those that are shown when -size does not say.
var defaultSizes = []int{64, 256}

// geometry prints how objects of the sizes and flags are laid out: by the profile
// of -layout, or by the runtime's own and that of 2.6.9 with pictures and by the
// others in a line. A profile that cannot hold a size says why.
func geometry(w io.Writer, o *options) error {
	sizes := []int(o.sizes)
	if len(sizes) == 0 {
		sizes = defaultSizes
	}
	for _, size := range sizes {
		if _, err := fmt.Fprintf(w, "%d bytes, flags %v\n\n", size, o.flags); err != nil {
			return err
		}
		for _, l := range kmem.Layouts() {
			if o.layoutSet && l != o.layout {
				continue
			}
			if err := layOut(w, l, size, o); err != nil {
				return err
			}
		}
		fmt.Fprintln(w)
	}
	return nil
}

// layOut prints one geometry.
func layOut(w io.Writer, l kmem.Layout, size int, o *options) error {
	g, err := l.Geometry(size, 0, o.flags)
	text := ""
	switch {
	case err != nil:
		text = fmt.Sprintf("%v: %v\n", l, err)
	case o.layoutSet || l == kmem.LayoutNative || l == kmem.Layout2_6_9:
		text = g.Picture() + "\n"
	default:
		text = g.String() + "\n"
	}
	_, err = io.WriteString(w, text)
	return err
}
