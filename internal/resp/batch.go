package resp

// maxBatchArgs bounds the slices of one batch: a read buffer of empty words must not take megabytes of headers.
const maxBatchArgs = 16384

// Batch is the commands of one read buffer, in order. Their bytes are valid until Serve returns.
type Batch struct {
	args [][]byte
	ends []int
}

// Len is the number of commands.
func (b *Batch) Len() int { return len(b.ends) }

// Cmd gives a command: its name and arguments, never empty.
func (b *Batch) Cmd(i int) [][]byte {
	from := 0
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.args[from:b.ends[i]:b.ends[i]]
}

// Fill parses commands from the front of data: all that are complete, at most max (0 = all). It gives the bytes it
// took. The batch is good also when an error follows it.
func (b *Batch) Fill(p *Parser, data []byte, max int) (used int, err error) {
	b.args, b.ends = b.args[:0], b.ends[:0]
	for len(b.args) < maxBatchArgs && (max == 0 || len(b.ends) < max) {
		before := len(b.args)
		if n := p.whole(&b.args, data[used:]); n > 0 {
			used += n
			b.ends = append(b.ends, len(b.args))
			continue
		}
		args, n, err := p.Next(b.args, data[used:])
		b.args = args
		if err != nil || n == 0 {
			return used, err
		}
		used += n
		if len(args) > before {
			b.ends = append(b.ends, len(args))
		}
	}
	return used, nil
}

// release drops what is too large to keep.
func (b *Batch) release() {
	if cap(b.args) > 2*maxBatchArgs {
		b.args = nil
	}
}
