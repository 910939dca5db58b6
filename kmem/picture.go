// Geometry for people: one line, and a picture in text. Nothing in the walk
// needs it.

package kmem

import (
	"fmt"
	"strings"
)

// String returns the geometry in one line.
func (g Geometry) String() string {
	where := "on the slab"
	if g.OffSlab {
		where = "off the slab"
	}
	return fmt.Sprintf("%s: %d bytes as %d aligned to %d, %d on %s, header and bufctl %d bytes %s, %d bytes left, %s; arrays of %d in batches of %d, %d shared",
		g.Layout.Name, g.Asked, g.ObjSize, g.Align, g.Num, count(1<<g.Order, "page"),
		g.MgmtSize, where, g.Left, count(max(g.Colours, 1), "colour"),
		g.Limit, g.Batch, g.SharedFactor*g.Batch)
}

// Overhead is the share of the memory that is not objects as asked for: header,
// bufctl, rounding, alignment and what is left over, descriptors off the slab
// included. 0.03 is three percent on top of the objects.
func (g Geometry) Overhead() float64 {
	total := g.SlabBytes()
	if g.OffSlab {
		total += g.DescSize
	}
	objects := g.Num * g.Asked
	return float64(total-objects) / float64(objects)
}

const (
	pictureCells = 64 // characters a page
	picturePages = 4  // pages drawn; the others look like them
)

// Picture returns the geometry as a map of the first pages of a slab of colour
// 0, a line a page. A character stands for 1/64 of the page and shows what its
// first byte belongs to. The text ends with a newline.
func (g Geometry) Picture() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", g)
	fmt.Fprintf(&b, "  %.1f%% on top of the objects\n", 100*g.Overhead())
	cell := g.Layout.PageSize / pictureCells
	pages := 1 << g.Order
	for page := range min(pages, picturePages) {
		fmt.Fprintf(&b, "  page %-2d |", page)
		for i := range pictureCells {
			b.WriteByte(g.glyph(page*g.Layout.PageSize + i*cell))
		}
		b.WriteString("|\n")
	}
	if pages > picturePages {
		fmt.Fprintf(&b, "  and %s more\n", count(pages-picturePages, "page"))
	}
	fmt.Fprintf(&b, "  each character %d bytes: ", cell)
	if !g.OffSlab {
		b.WriteString("h header, b bufctl, - padding, ")
	}
	b.WriteString("o O objects in turn, . left\n")
	if g.OffSlab {
		fmt.Fprintf(&b, "  header and bufctl in an object of %d bytes elsewhere\n", g.DescSize)
	}
	return b.String()
}

// glyph is the character for the byte at an offset in the slab.
func (g Geometry) glyph(off int) byte {
	first := g.FirstObject()
	switch {
	case off >= first+g.Num*g.ObjSize:
		return '.'
	case off >= first:
		return "oO"[(off-first)/g.ObjSize&1]
	case off < g.Layout.Header:
		return 'h'
	case off < g.Layout.mgmtBytes(g.Num):
		return 'b'
	default:
		return '-'
	}
}

// count is a number and its noun, with an s where there are several.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
