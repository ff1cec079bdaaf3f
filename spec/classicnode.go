package spec

// What follows makes native nodes in the place of classic ones. The label stays the classic key, which is what messages
// have to name.

// set adds a key to a mapping; nothing for nil.
func (n *node) set(name string, value *node) {
	if value != nil {
		n.fields = append(n.fields, field{name, value})
		n.index = nil
	}
}

// made is a node without a value in the place of another one.
func made(at *node, k kind) *node {
	n := *at
	n.kind, n.text, n.tag, n.fields, n.items, n.index = k, "", "", nil, nil, nil
	return &n
}

// text is a text that stands for itself, dollar signs included.
func (c *classic) text(at *node, text string) *node {
	n := made(at, scalar)
	n.text, n.tag = escapeDollars(text), "!!str"
	return n
}

// word is a classic value as text; nil where there is none. What is no scalar stays as it is, for the native schema to
// say what is wanted.
func (c *classic) word(n *node) *node {
	if n == nil || n.kind != scalar {
		return n
	}
	return c.text(n, n.text)
}

// value is a classic value that keeps its type; nil where there is none.
func (c *classic) value(n *node) *node {
	if n == nil || n.kind != scalar {
		return n
	}
	kept := c.text(n, n.text)
	kept.tag = n.tag
	return kept
}

// words is a list of texts, or a text alone; nil where there is none.
func (c *classic) words(n *node) *node {
	if n == nil || n.kind != list {
		return c.word(n)
	}
	if len(n.items) == 0 {
		return nil
	}
	return c.listOf(n, n.items, c.word)
}

func (c *classic) listOf(at *node, items []*node, each func(*node) *node) *node {
	n := made(at, list)
	for _, item := range items {
		if one := each(item); one != nil {
			n.items = append(n.items, one)
		}
	}
	return n
}

func (c *classic) flag(at *node, on bool) *node {
	n := made(at, scalar)
	n.text, n.tag = "false", "!!bool"
	if on {
		n.text = "true"
	}
	return n
}

func (c *classic) mapping(at *node, label string) *node {
	n := made(at, mapping)
	n.label = label
	return n
}
