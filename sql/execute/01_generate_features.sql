-- Features of every scan that has none yet, by the newest network. Stop it at any time and run it again: it goes on where it stopped.
DECLARE @ModelName NVARCHAR(128) = (SELECT TOP (1) name FROM dbo.networks ORDER BY network_id DESC);
EXECUTE dbo.GenerateFeatures @ModelName = @ModelName, @Pooling = N'mean,max';
