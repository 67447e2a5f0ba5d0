-- Features of every scan that has none yet, by the network that the setting default_network names, else the demo's; put another name
-- here as you like: SELECT name FROM dbo.networks. Stop it at any time and run it again: it goes on where it stopped.
DECLARE @ModelName NVARCHAR(128) = COALESCE((SELECT value FROM dbo.settings WHERE name = N'default_network'), N'demo_resnet');
EXECUTE dbo.GenerateFeatures @ModelName = @ModelName, @Pooling = N'mean,max';
