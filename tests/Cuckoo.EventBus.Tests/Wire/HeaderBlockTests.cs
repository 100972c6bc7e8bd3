using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Wire;

public sealed class HeaderBlockTests
{
    [Fact]
    public void Headers_come_back_as_they_were_in_their_order_with_repeats_and_any_bytes()
    {
        var headers = new EventHeaders { { "a", "1" }, { "b", (byte[]?)null }, { "a", [0xFF, 0x00] }, { "ü\0", [] } };

        var read = HeaderBlock.Read(HeaderBlock.Write(headers));

        Assert.Equal(headers.Select(h => h.Key), read.Select(h => h.Key));
        Assert.Equal(headers.Select(h => h.Value), read.Select(h => h.Value));
    }

    [Fact]
    public void No_headers_are_a_block_too() => Assert.Empty(HeaderBlock.Read(HeaderBlock.Write([])));

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 2 })]
    [InlineData(new byte[] { 1, 0, 0 })]
    [InlineData(new byte[] { 1, 0, 0, 0, 9, 65 })]
    [InlineData(new byte[] { 1, 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 1, 0, 0, 0, 0, 0, 0, 0, 0 })]
    public void A_damaged_block_says_so(byte[] block) => Assert.Throws<FormatException>(() => HeaderBlock.Read(block));
}
