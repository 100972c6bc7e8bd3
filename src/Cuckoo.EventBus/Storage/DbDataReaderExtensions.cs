using System.Data.Common;

namespace Cuckoo.EventBus.Storage;

internal static class DbDataReaderExtensions
{
    /// <summary>A column of bytes, or none. GetFieldValue alone, a generic virtual method, looks itself up at every call.</summary>
    public static byte[]? GetByteArray(this DbDataReader reader, int ordinal) =>
        reader.IsDBNull(ordinal) ? null : reader.GetValue(ordinal) as byte[] ?? reader.GetFieldValue<byte[]>(ordinal);

    /// <summary>The same for users, to whom the bytes are to read.</summary>
    public static ReadOnlyMemory<byte>? GetMemory(this DbDataReader reader, int ordinal) =>
        reader.GetByteArray(ordinal) is { } bytes ? new ReadOnlyMemory<byte>(bytes) : null;
}
