using Cuckoo.EventBus.Chaos.Checking;

namespace Cuckoo.EventBus.Tests.Chaos;

/// <summary>What the checker of tests/chaos.sh sees in a history.</summary>
public sealed class CheckerTests
{
    private readonly Story _story = new();

    [Fact]
    public void Every_event_once_and_in_order_is_good()
    {
        _story.Commits("a1 a2 b1 - a3").Sends("a1 b1 a2 - a3");

        Assert.Equal("lost invented reordered left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_commit_without_a_record_is_lost()
    {
        _story.Commits("a1 a2 a3 -").Sends("a1 a3");

        Assert.Equal("lost a2,- invented reordered left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_commit_whose_row_is_still_there_is_left_and_not_lost()
    {
        _story.Commits("a1 a2").Sends("a1").Leaves("a2");

        Assert.Equal("lost invented reordered left a2 duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_row_whose_record_is_there_is_left_too()
    {
        _story.Commits("a1").Sends("a1").Leaves("a1");

        Assert.Equal("lost invented reordered left a1 duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_record_without_a_commit_is_invented_once_however_often_it_comes()
    {
        _story.Commits("a1").Sends("a1 a2 a2");

        Assert.Equal("lost invented a2 reordered left duplicates 1", _story.Verdict());
    }

    [Fact]
    public void A_record_that_says_something_else_than_was_committed_is_invented()
    {
        _story.Commits("a1 b1").Sends("a1").SendsAs("b1", key: "a", number: 2);

        Assert.Equal("lost invented a2 reordered left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_first_record_behind_that_of_a_later_event_is_reordered()
    {
        _story.Commits("a1 a2 a3 b1").Sends("a1 a3 b1 a2");

        Assert.Equal("lost invented reordered a2 left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void Each_event_that_was_overtaken_counts()
    {
        _story.Commits("a1 a2 a3 a4").Sends("a4 a1 a2 a3");

        Assert.Equal("lost invented reordered a1,a2,a3 left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void Repeats_of_a_prefix_are_duplicates_and_in_order()
    {
        _story.Commits("a1 a2 a3").Sends("a1 a2 a1 a2 a3");

        Assert.Equal("lost invented reordered left duplicates 2", _story.Verdict());
    }

    [Fact]
    public void A_lost_event_does_not_make_the_next_one_reordered()
    {
        _story.Commits("a1 a2 a3").Sends("a1 a3");

        Assert.Equal("lost a2 invented reordered left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void A_key_in_two_partitions_has_no_order()
    {
        _story.Commits("a1 a2").Sends("a1").Sends("a2", partition: 1);

        Assert.Equal("lost invented reordered a2 left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void The_order_is_that_of_the_offsets_and_not_of_reading()
    {
        _story.Commits("a1 a2").Sends("a1 a2").ReadBackwards();

        Assert.Equal("lost invented reordered left duplicates 0", _story.Verdict());
    }

    [Fact]
    public void Events_without_a_number_have_no_order_to_keep()
    {
        _story.Commits("a1 a- a2 -").Sends("a- a1 - a2");

        Assert.Equal("lost invented reordered left duplicates 0", _story.Verdict());
    }

    [Theory]
    [InlineData("a1 a3", 2)]
    [InlineData("a1 a2", 3)]
    [InlineData("a1 a1", 2)]
    [InlineData("a1 a2", 1)]
    public void Witnesses_that_the_counter_contradicts_are_no_truth(string committed, long counter)
    {
        _story.Commits(committed).CountsTo("a", counter).Sends(committed);

        Assert.Contains("key a", Assert.Single(_story.Check().Contradictions), StringComparison.Ordinal);
        Assert.False(_story.Check().IsGood);
    }

    /// <summary>A history in words: <c>a1</c> is number 1 of key a, <c>a-</c> an event of key a without order, <c>-</c> one without a key.</summary>
    private sealed class Story
    {
        private readonly Dictionary<string, Guid> _ids = [];
        private readonly List<WitnessRow> _witnesses = [];
        private readonly Dictionary<string, long> _counters = [];
        private readonly List<SentRecord> _records = [];
        private readonly List<LeftRow> _left = [];

        public Story Commits(string events)
        {
            foreach (var word in events.Split(' '))
            {
                var (key, number) = Meaning(word);
                // Two of one number are two events.
                var id = _witnesses.Exists(w => w.Id == Id(word)) ? Guid.NewGuid() : Id(word);
                _witnesses.Add(new WitnessRow(id, key, number, "w", DateTimeOffset.UnixEpoch));
                if (key is not null && number is { } n)
                {
                    _counters[key] = n;
                }
            }

            return this;
        }

        public Story CountsTo(string key, long number)
        {
            _counters[key] = number;
            return this;
        }

        public Story Sends(string events, int partition = 0)
        {
            foreach (var word in events.Split(' '))
            {
                var (key, number) = Meaning(word);
                Add(Id(word), key, number, partition);
            }

            return this;
        }

        public Story SendsAs(string committed, string key, long number)
        {
            Add(Id(committed), key, number, 0);
            return this;
        }

        public Story Leaves(string word)
        {
            _left.Add(new LeftRow(_left.Count + 1, Id(word), Meaning(word).Key, "state 0", DateTimeOffset.UnixEpoch));
            return this;
        }

        public void ReadBackwards() => _records.Reverse();

        public Verdict Check() => Checker.Check(new History { Witnesses = _witnesses, Counters = _counters, Records = _records, Left = _left });

        public string Verdict()
        {
            var verdict = Check();
            Assert.Empty(verdict.Contradictions);
            var said = $"lost {Words(verdict.Lost.Select(w => (w.Key, w.Number)))} invented {Words(verdict.Invented.Select(r => (r.Key, r.Number)))} "
                + $"reordered {Words(verdict.Reordered.Select(r => (r.Key, r.Number)))} left {Words(verdict.Left.Select(l => (l.Key, _witnesses.Find(w => w.Id == l.Id)!.Number)))} "
                + $"duplicates {verdict.Duplicates}";
            return said.Replace("  ", " ", StringComparison.Ordinal);
        }

        private void Add(Guid id, string? key, long? number, int partition) =>
            _records.Add(new SentRecord(id, key, number, partition, _records.Count(r => r.Partition == partition), DateTimeOffset.UnixEpoch));

        private Guid Id(string word) => _ids.TryGetValue(word, out var id) ? id : _ids[word] = Guid.NewGuid();

        private static (string? Key, long? Number) Meaning(string word) =>
            word == "-" ? (null, null) : (word[..1], long.TryParse(word[1..], System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null);

        private static string Words(IEnumerable<(string? Key, long? Number)> events) =>
            string.Join(',', events.Select(e => e.Number is { } n ? $"{e.Key}{n}" : $"{e.Key}-"));
    }
}
