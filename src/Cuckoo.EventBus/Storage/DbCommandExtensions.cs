using System.Data;
using System.Data.Common;

namespace Cuckoo.EventBus.Storage;

/// <summary>Parameters without the provider's own types.</summary>
internal static class DbCommandExtensions
{
    public static void AddParameter(this DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value;
        command.Parameters.Add(parameter);
    }

    /// <summary>Of a command that is kept: a value of the same type as the last time.</summary>
    public static void SetParameter(this DbCommand command, string name, object value)
    {
        if (command.Parameters.Contains(name))
        {
            command.Parameters[name].Value = value;
        }
        else
        {
            command.AddParameter(name, value);
        }
    }

    /// <summary>A value that may be null: then the type must be said, or the server can't know it.</summary>
    public static void AddParameter(this DbCommand command, string name, object? value, DbType type)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.DbType = type;
        parameter.Value = value ?? DBNull.Value;
        command.Parameters.Add(parameter);
    }
}
