package sqs

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/store"
)

// tableMessages has a bucket for each queue that ever had a message, and in it those below. Messages are known by a number that
// grows with each, so its order is that in which they came.
var (
	tableQueues   = []byte("sqs.queues") // name → queue
	tableMessages = []byte("sqs.messages")
	tableContent  = []byte("content") // number → content
	tableState    = []byte("state")   // number → state
	tableOrder    = []byte("order")   // time of visibility, number → nothing: the order in which messages are received
	tableDedupe   = []byte("dedupe")  // scope and id → what was sent
	tableForget   = []byte("forget")  // time, scope and id → nothing: the order in which tableDedupe is forgotten
)

// messages are the messages of one queue in a transaction.
type messages struct {
	root, content, state, order *bbolt.Bucket
}

// messagesOf are the messages of a queue; in a transaction that writes they are made if absent, in others found is false. Nothing is made
// for a queue that is gone: one of its name that is made later begins empty.
func messagesOf(tx *bbolt.Tx, name string) (m messages, found bool, err error) {
	all := tx.Bucket(tableMessages)
	m.root = all.Bucket([]byte(name))
	if m.root == nil {
		if !tx.Writable() {
			return m, false, nil
		}
		if tx.Bucket(tableQueues).Get([]byte(name)) == nil {
			return m, false, errNoSuchQueue()
		}
		if m.root, err = all.CreateBucket([]byte(name)); err != nil {
			return m, false, err
		}
		for _, table := range [][]byte{tableContent, tableState, tableOrder, tableDedupe, tableForget} {
			if _, err := m.root.CreateBucket(table); err != nil {
				return m, false, err
			}
		}
	}
	m.content, m.state, m.order = m.root.Bucket(tableContent), m.root.Bucket(tableState), m.root.Bucket(tableOrder)
	return m, true, nil
}

// dropMessages forgets all messages of a queue.
func dropMessages(tx *bbolt.Tx, name string) error {
	all := tx.Bucket(tableMessages)
	if all.Bucket([]byte(name)) == nil {
		return nil
	}
	return all.DeleteBucket([]byte(name))
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// timeKey orders times. Those before 1970 are the beginning.
func timeKey(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(t.UnixNano(), 0)))
}

func orderKey(visible time.Time, number []byte) []byte { return append(timeKey(visible), number...) }

// split takes an order key apart.
func split(key []byte) (visible time.Time, number []byte) {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key[:8]))), append([]byte(nil), key[8:]...)
}

// add stores a message under a new number.
func (m messages) add(c content, st state) error {
	n, err := m.content.NextSequence()
	if err != nil {
		return err
	}
	if err := put(m.content, numberKey(n), c); err != nil {
		return err
	}
	return m.setState(numberKey(n), state{}, st)
}

// setState stores a state in place of another; a zero one stands for none.
func (m messages) setState(number []byte, old, st state) error {
	if !old.Visible.IsZero() {
		if err := m.order.Delete(orderKey(old.Visible, number)); err != nil {
			return err
		}
	}
	if err := put(m.state, number, st); err != nil {
		return err
	}
	return m.order.Put(orderKey(st.Visible, number), nil)
}

func (m messages) remove(number []byte, st state) error {
	if err := m.order.Delete(orderKey(st.Visible, number)); err != nil {
		return err
	}
	if err := m.state.Delete(number); err != nil {
		return err
	}
	return m.content.Delete(number)
}

// load reads a message, and says whether there is one.
func (m messages) load(number []byte) (c content, st state, found bool, err error) {
	if st, found, err = m.loadState(number); err != nil || !found {
		return c, st, false, err
	}
	if err := json.Unmarshal(m.content.Get(number), &c); err != nil {
		return c, st, false, fmt.Errorf("read message: %w", err)
	}
	return c, st, true, nil
}

func (m messages) loadState(number []byte) (st state, found bool, err error) {
	text := m.state.Get(number)
	if text == nil {
		return st, false, nil
	}
	if err := json.Unmarshal(text, &st); err != nil {
		return st, false, fmt.Errorf("read state of message: %w", err)
	}
	return st, true, nil
}

func put(b *bbolt.Bucket, key []byte, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return b.Put(key, text)
}

// counts are the numbers of messages of a queue.
type counts struct{ visible, inFlight, delayed int }

func (s *Service) count(q queue) (n counts, err error) {
	now := s.cfg.Clock.Now()
	err = s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		m, found, err := messagesOf(tx, q.Name)
		if err != nil || !found {
			return err
		}
		return m.state.ForEach(func(number, _ []byte) error {
			st, _, err := m.loadState(number)
			switch {
			case err != nil:
				return err
			case !st.Visible.After(now):
				n.visible++
			case st.Receives == 0:
				n.delayed++
			default:
				n.inFlight++
			}
			return nil
		})
	})
	return n, err
}

// deadQueue reads a queue by its ARN in a transaction.
func (s *Service) deadQueue(tx *bbolt.Tx, arn string) (q queue, err error) {
	name, ours := strings.CutPrefix(arn, s.prefix())
	if !ours {
		return q, errNoSuchQueue()
	}
	q, found, err := store.GetJSON[queue](tx.Bucket(tableQueues), name)
	if err == nil && !found {
		err = errNoSuchQueue()
	}
	return q, err
}
