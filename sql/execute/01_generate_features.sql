-- Features of every scan that has none yet. Stop it at any time and run it again: it goes on where it stopped.
EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet', @Pooling = N'mean,max';
