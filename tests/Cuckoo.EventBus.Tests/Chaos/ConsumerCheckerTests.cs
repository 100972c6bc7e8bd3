using Cuckoo.EventBus.Chaos.Checking;
using Cuckoo.EventBus.Chaos.Consumer.Checking;

namespace Cuckoo.EventBus.Tests.Chaos;

/// <summary>What the checker of tests/chaos.sh consumer sees in a history.</summary>
public sealed class ConsumerCheckerTests
{
    private readonly Story _story = new();

    [Fact]
    public void Every_event_once_and_in_order_is_good()
    {
        _story.Sends("a1 a2 b1 -1 a3").Applies("a1 b1 -1 a2 a3");

        Assert.Equal("lost double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_event_without_an_outcome_is_lost()
    {
        _story.Sends("a1 a2 a3 -1").Applies("a1 a3");

        Assert.Equal("lost a2,-1 double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void Each_consumer_owes_each_event_an_outcome()
    {
        _story.With("y").Sends("a1 a2").Applies("a1 a2").Applies("a1", "y");

        Assert.Equal("lost y:a2 double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void What_nobody_acknowledged_and_Kafka_has_all_the_same_is_owed_too()
    {
        _story.Sends("a1", isAcknowledged: false);

        Assert.Equal("lost a1 double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_dead_event_is_not_lost()
    {
        _story.Sends("a1 a2").Applies("a1").Buries("a2");

        Assert.Equal("lost double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_parked_event_is_stuck_and_not_lost()
    {
        _story.Sends("a1 a2").Applies("a1").Parks("a2");

        Assert.Equal("lost double reordered stuck a2 duplicates 0", _story.Verdict());
    }

    [Fact]
    public void What_the_group_has_not_read_is_stuck_from_its_first_record_on_and_not_lost()
    {
        _story.Sends("a1 a2 a3").Applies("a1").CommitsTo(1);

        Assert.Equal("lost double reordered stuck a2 duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_event_whose_repeat_is_unread_is_not_lost_yet()
    {
        _story.Sends("a1 a2 a1").Applies("a2").CommitsTo(2);

        Assert.Equal("lost double reordered stuck a1 duplicates 1", _story.Verdict());
    }

    [Fact]
    public void Two_effects_of_one_event_are_double_and_no_disorder()
    {
        _story.Sends("a1 a2").Applies("a1 a2 a1");

        Assert.Equal("lost double a1 reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_effect_at_each_of_two_consumers_is_not_double()
    {
        _story.With("y").Sends("a1").Applies("a1").Applies("a1", "y");

        Assert.Equal("lost double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_event_that_was_applied_and_is_dead_is_double()
    {
        _story.Sends("a1").Applies("a1").Buries("a1");

        Assert.Equal("lost double a1 reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_event_that_is_dead_twice_is_double()
    {
        _story.Sends("a1").Buries("a1 a1");

        Assert.Equal("lost double a1 reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_effect_behind_that_of_a_later_record_is_reordered()
    {
        _story.Sends("a1 a2 b1 a3").Applies("a1 a3 a2 b1");

        Assert.Equal("lost double reordered a2 stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void The_order_is_each_consumers_own()
    {
        _story.With("y").Sends("a1 a2").Applies("a1 a2").Applies("a2 a1", "y");

        Assert.Equal("lost double reordered y:a1 stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_dead_event_has_no_order()
    {
        _story.Sends("a1 a2 a3").Applies("a2 a3").Buries("a1");

        Assert.Equal("lost double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void Events_without_a_key_have_no_order()
    {
        _story.Sends("-1 -2").Applies("-2 -1");

        Assert.Equal("lost double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void Repeats_without_an_effect_are_duplicates()
    {
        _story.Sends("a1 a1 a2 a1").Applies("a1 a2");

        Assert.Equal("lost double reordered stuck duplicates 2", _story.Verdict());
    }

    [Fact]
    public void An_event_counts_from_its_first_record_on_whichever_of_them_had_the_effect()
    {
        _story.Sends("a1 a2 a1").Applies("a2 a1");

        Assert.Equal("lost double reordered a1 stuck duplicates 1", _story.Verdict());
    }

    [Fact]
    public void A_repeat_under_another_key_counts_there()
    {
        // Handled as a record of b, where it stands last; key a goes on without it.
        _story.Sends("a1 a2 b1").SendsAs("a1", "b").Applies("a2 b1").AppliesAs("a1", "b");

        Assert.Equal("lost double reordered stuck duplicates 1", _story.Verdict());
    }

    [Fact]
    public void A_repeat_under_another_key_that_overtakes_there_is_reordered()
    {
        _story.Sends("a1 b1").SendsAs("a1", "b").Sends("b2").Applies("b1 b2").AppliesAs("a1", "b");

        Assert.Equal("lost double reordered a1 stuck duplicates 1", _story.Verdict());
    }

    [Fact]
    public void An_effect_whose_event_did_not_go_onwards_is_lost()
    {
        _story.Sends("a1 a2").Applies("a1 a2").ForgetsTheAnswerTo("a2");

        Assert.Equal("lost a2 double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_onward_event_that_is_still_in_the_outbox_is_stuck_and_not_lost()
    {
        _story.Sends("a1").Applies("a1").LeavesTheAnswerTo("a1");

        Assert.Equal("lost double reordered stuck ? duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_onward_event_without_an_effect_is_double()
    {
        _story.Sends("a1").Applies("a1").Invents();

        Assert.Equal("lost double ? reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void Onward_events_behind_later_ones_of_their_key_are_reordered()
    {
        _story.Sends("a1 a2 a3").Applies("a1 a2 a3").AnswersBackwards();

        Assert.Equal("lost double reordered a2,a1 stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_dead_letter_that_is_not_in_Kafka_is_lost()
    {
        _story.Sends("a1").Buries("a1", isInKafka: false);

        Assert.Equal("lost a1 double reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_dead_letter_in_Kafka_that_has_no_row_is_double()
    {
        _story.Sends("a1").Applies("a1").Buries("a1", hasRow: false);

        Assert.Equal("lost double a1 reordered stuck duplicates 0", _story.Verdict());
    }

    [Fact]
    public void An_acknowledged_event_that_Kafka_does_not_have_is_no_truth()
    {
        _story.Acknowledges("a1");

        Assert.Contains("acknowledged", Assert.Single(_story.Check().Contradictions), StringComparison.Ordinal);
        Assert.False(_story.Check().IsGood);
    }

    [Fact]
    public void An_effect_of_an_event_that_was_never_sent_is_no_truth()
    {
        _story.Sends("a1").Applies("a1 a2");

        Assert.Contains("no record", Assert.Single(_story.Check().Contradictions), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Effects_that_their_count_contradicts_are_no_truth(long count)
    {
        _story.Sends("a1 a2").Applies("a1 a2").CountsTo("a", count);

        Assert.Contains("key a", Assert.Single(_story.Check().Contradictions), StringComparison.Ordinal);
    }

    /// <summary>A history in words: <c>a1</c> is an event of key a, <c>-1</c> one without a key. Everything stands in one partition.</summary>
    private sealed class Story
    {
        private readonly List<string> _consumers = ["x"];
        private readonly Dictionary<string, Guid> _ids = [];
        private readonly List<SentRecord> _records = [];
        private readonly List<Guid> _acknowledged = [];
        private readonly List<AppliedRow> _applied = [];
        private readonly Dictionary<(string Consumer, string Key), long> _ordinals = [];
        private readonly List<OutcomeRow> _dead = [];
        private readonly List<OutcomeRow> _parked = [];
        private readonly List<SentRecord> _answers = [];
        private readonly List<SentRecord> _letters = [];
        private readonly List<UnsentRow> _unsent = [];
        private long? _committed;

        public Story With(string consumer)
        {
            _consumers.Add(consumer);
            return this;
        }

        public Story Sends(string events, bool isAcknowledged = true)
        {
            foreach (var word in events.Split(' '))
            {
                _records.Add(Record(Id(word), Key(word), null, _records.Count));
                if (isAcknowledged)
                {
                    _acknowledged.Add(Id(word));
                }
            }

            return this;
        }

        public Story SendsAs(string word, string key)
        {
            _records.Add(Record(Id(word), key, null, _records.Count));
            return this;
        }

        public void Acknowledges(string word) => _acknowledged.Add(Id(word));

        public Story Applies(string events, string consumer = "x")
        {
            foreach (var word in events.Split(' '))
            {
                Apply(Id(word), Key(word), consumer);
            }

            return this;
        }

        public Story AppliesAs(string word, string key)
        {
            Apply(Id(word), key, "x");
            return this;
        }

        public Story Buries(string events, bool isInKafka = true, bool hasRow = true)
        {
            foreach (var word in events.Split(' '))
            {
                if (hasRow)
                {
                    _dead.Add(new OutcomeRow("x", Id(word), Key(word), "", DateTimeOffset.UnixEpoch));
                }

                if (isInKafka)
                {
                    _letters.Add(Record(Guid.NewGuid(), Key(word), null, _letters.Count) with { DeadLetterOf = (Id(word), "x") });
                }
            }

            return this;
        }

        public void Parks(string word) => _parked.Add(new OutcomeRow("x", Id(word), Key(word), "", DateTimeOffset.UnixEpoch));

        public void CommitsTo(long offset) => _committed = offset;

        public void CountsTo(string key, long ordinal) => _ordinals[("x", key)] = ordinal;

        public void ForgetsTheAnswerTo(string word) => _answers.RemoveAll(a => a.Id == AnswerTo(word));

        public void LeavesTheAnswerTo(string word)
        {
            ForgetsTheAnswerTo(word);
            _unsent.Add(new UnsentRow(AnswerTo(word), ""));
        }

        public void Invents() => _answers.Add(Record(Guid.NewGuid(), "x/a", 9, _answers.Count));

        public void AnswersBackwards()
        {
            var answers = _answers.AsEnumerable().Reverse().Select((answer, offset) => answer with { Offset = offset }).ToList();
            _answers.Clear();
            _answers.AddRange(answers);
        }

        public ConsumerVerdict Check() => ConsumerChecker.Check(new ConsumerHistory
        {
            Consumers = _consumers,
            Records = _records,
            Acknowledged = _acknowledged,
            Applied = _applied,
            Ordinals = _ordinals,
            Dead = _dead,
            Parked = _parked,
            Answers = _answers,
            DeadLetters = _letters,
            Committed = new Dictionary<int, long> { [0] = _committed ?? _records.Count },
            Unsent = _unsent,
        });

        public string Verdict()
        {
            var verdict = Check();
            Assert.Empty(verdict.Contradictions);
            return $"lost {Words(verdict.Lost)} double {Words(verdict.Double)} reordered {Words(verdict.Reordered)} stuck {Words(verdict.Stuck)} duplicates {verdict.Duplicates}"
                .Replace("  ", " ", StringComparison.Ordinal);
        }

        private void Apply(Guid id, string? key, string consumer)
        {
            long? ordinal = key is null ? null : _ordinals[(consumer, key)] = _ordinals.GetValueOrDefault((consumer, key)) + 1;
            var answer = Guid.NewGuid();
            _applied.Add(new AppliedRow(consumer, id, key, ordinal, answer, "", DateTimeOffset.UnixEpoch));
            _answers.Add(Record(answer, key is null ? null : $"{consumer}/{key}", ordinal, _answers.Count));
        }

        private Guid AnswerTo(string word) => _applied.Find(a => a.Id == Id(word))!.AnswerId;

        private Guid Id(string word) => _ids.TryGetValue(word, out var id) ? id : _ids[word] = Guid.NewGuid();

        private string Words(IEnumerable<Finding> findings) => string.Join(',', findings.Select(f =>
            $"{(f.Consumer is "" or "x" ? "" : $"{f.Consumer}:")}{(f.Id is { } id ? _ids.Single(known => known.Value == id).Key : "?")}"));

        private static string? Key(string word) => word[0] == '-' ? null : word[..1];

        private static SentRecord Record(Guid id, string? key, long? number, int offset) => new(id, key, number, 0, offset, DateTimeOffset.UnixEpoch);
    }
}
